import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;

/** A topic, a group that reads it, and what its members own and have seen. */
final class Group implements AutoCloseable {
    static final int PARTITIONS = 6;

    final String topic;
    final String name = Cluster.unique("group");
    int produced; // a partition
    int revocations;

    // All under this object's lock.
    final Map<Integer, String> owners = new TreeMap<>();
    final Map<String, Integer> seen = new HashMap<>();
    final List<String> faults = new ArrayList<>();

    private final String assignor;
    private final List<Member> members = new ArrayList<>();

    Group(String assignor) throws Exception {
        this.assignor = assignor;
        topic = Cluster.newTopic(PARTITIONS, Collections.emptyMap());
    }

    /** Polls, and commits what it has seen, until it is told to leave. */
    final class Member extends Thread implements ConsumerRebalanceListener {
        private final Object[] settings;
        private final Map<TopicPartition, OffsetAndMetadata> uncommitted = new HashMap<>();
        private KafkaConsumer<byte[], byte[]> consumer;
        private volatile boolean leaving;

        private Member(String member, Object... settings) {
            super(member);
            this.settings = settings;
            setDaemon(true);
            start();
        }

        @Override
        public void run() {
            consumer = Cluster.consumer(settings);
            try (KafkaConsumer<byte[], byte[]> closing = consumer) {
                consumer.subscribe(Collections.singleton(topic), this);
                while (!leaving) {
                    for (ConsumerRecord<byte[], byte[]> r : consumer.poll(Duration.ofMillis(100))) {
                        saw(r);
                        uncommitted.put(new TopicPartition(topic, r.partition()), new OffsetAndMetadata(r.offset() + 1));
                    }
                    commit();
                }
            } catch (Exception e) {
                synchronized (Group.this) {
                    faults.add(getName() + ": " + e);
                }
            }
            // A static member is not told of a revocation when it is closed.
            synchronized (Group.this) {
                owners.values().removeIf(getName()::equals);
            }
        }

        private void commit() {
            if (uncommitted.isEmpty()) {
                return;
            }
            try {
                consumer.commitSync(uncommitted);
                uncommitted.clear();
            } catch (RebalanceInProgressException e) {
                // Cooperative members read on while they rebalance: the next poll lets this commit pass.
            }
        }

        private void saw(ConsumerRecord<byte[], byte[]> r) {
            synchronized (Group.this) {
                if (!getName().equals(owners.get(r.partition()))) {
                    faults.add(getName() + " reads " + r.partition() + " of " + owners.get(r.partition()));
                }
                seen.merge(r.partition() + "@" + r.offset(), 1, Integer::sum);
            }
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            synchronized (Group.this) {
                for (TopicPartition p : partitions) {
                    String before = owners.put(p.partition(), getName());
                    if (before != null) {
                        faults.add(p + " given to " + getName() + " while " + before + " owns it");
                    }
                }
            }
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            commit();
            synchronized (Group.this) {
                revocations += partitions.size();
                partitions.forEach(p -> owners.remove(p.partition(), getName()));
            }
        }

        void leave() throws InterruptedException {
            leaving = true;
            join();
        }
    }

    Member member(String member, Object... more) {
        List<Object> settings = new ArrayList<>(Arrays.asList("group.id", name, "partition.assignment.strategy",
                "org.apache.kafka.clients.consumer." + assignor));
        settings.addAll(Arrays.asList(more));
        Member m = new Member(member, settings.toArray());
        members.add(m);
        return m;
    }

    void produce(int perPartition) throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < perPartition * PARTITIONS; i++) {
            records.add(new ProducerRecord<>(topic, i % PARTITIONS, null, RecordChecks.bytes("" + i)));
        }
        Cluster.produce(records);
        produced += perPartition;
    }

    private void await(BooleanSupplier condition) throws InterruptedException {
        while (true) {
            synchronized (this) {
                if (!faults.isEmpty()) {
                    throw new AssertionError(faults.get(0));
                }
                if (condition.getAsBoolean()) {
                    return;
                }
            }
            Thread.sleep(20);
        }
    }

    /** Until as many members as there are counts own so many partitions each. */
    void awaitShares(Integer... counts) throws InterruptedException {
        await(() -> {
            Map<String, Integer> each = new HashMap<>();
            owners.values().forEach(owner -> each.merge(owner, 1, Integer::sum));
            List<Integer> got = new ArrayList<>(each.values());
            Collections.sort(got);
            List<Integer> want = Arrays.asList(counts);
            Collections.sort(want);
            return got.equals(want);
        });
    }

    void awaitAllSeen() throws InterruptedException {
        await(() -> seen.size() == produced * PARTITIONS);
    }

    @Override
    public void close() throws InterruptedException {
        for (Member m : members) {
            m.leaving = true;
        }
        for (Member m : members) {
            m.join(10_000);
        }
    }
}
