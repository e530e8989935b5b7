import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/** Records byte for byte in every codec, and positions. */
final class RecordChecks {
    private RecordChecks() {}

    static void add(Map<String, Main.Check> checks) {
        for (String codec : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
            // One request at a time: without idempotence a retry may overtake.
            checks.put("codec-" + codec, () -> roundTrip("compression.type", codec, "enable.idempotence", false,
                    "max.in.flight.requests.per.connection", 1));
        }
        checks.put("idempotent-producer", () -> roundTrip("enable.idempotence", true, "compression.type", "lz4"));
        checks.put("auto-created-topic", RecordChecks::autoCreated);
        checks.put("large-batches", RecordChecks::largeBatches);
        checks.put("seek", RecordChecks::seek);
        checks.put("offsets-for-times", RecordChecks::offsetsForTimes);
    }

    static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    static List<TopicPartition> partitions(String topic, int count) {
        return IntStream.range(0, count).mapToObj(p -> new TopicPartition(topic, p)).collect(Collectors.toList());
    }

    private static byte[] random(Random random, int length) {
        byte[] b = new byte[length];
        random.nextBytes(b);
        return b;
    }

    /** Records of every shape: null and empty keys and values, headers, one of them twice and one null. */
    private static List<ProducerRecord<byte[], byte[]>> samples(String topic) {
        Random random = new Random(1);
        byte[][] shapes = {null, {}, bytes("short"), random(random, 300), random(random, 20_000), new byte[50_000]};
        long start = System.currentTimeMillis();
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 120; i++) {
            ProducerRecord<byte[], byte[]> r =
                    new ProducerRecord<>(topic, i % 3, start + i, shapes[i % 4], shapes[i / 2 % 6]);
            if (i / 3 % 3 == 1) {
                r.headers().add("a", bytes("1")).add("a", bytes("2")).add("\u00fc", null);
            } else if (i / 3 % 3 == 2) {
                r.headers().add("trace", random(random, 100));
            }
            records.add(r);
        }
        return records;
    }

    private static String describe(byte[] key, byte[] value, Iterable<Header> headers, long timestamp) {
        StringBuilder s = new StringBuilder(timestamp + " " + hash(key) + " " + hash(value));
        for (Header h : headers) {
            s.append(' ').append(h.key()).append('=').append(hash(h.value()));
        }
        return s.toString();
    }

    private static String hash(byte[] b) {
        return b == null ? "null" : b.length + ":" + Arrays.hashCode(b);
    }

    private static void readBack(String topic, List<ProducerRecord<byte[], byte[]>> want) {
        try (KafkaConsumer<byte[], byte[]> consumer = Cluster.consumer()) {
            consumer.assign(partitions(topic, 3));
            List<ConsumerRecord<byte[], byte[]>> got = Cluster.read(consumer, want.size());
            for (int p = 0; p < 3; p++) {
                int partition = p;
                List<String> wanted = want.stream().filter(r -> r.partition() == partition)
                        .map(r -> describe(r.key(), r.value(), r.headers(), r.timestamp())).collect(Collectors.toList());
                List<ConsumerRecord<byte[], byte[]>> mine =
                        got.stream().filter(r -> r.partition() == partition).collect(Collectors.toList());
                Cluster.equal(mine.stream().map(r -> describe(r.key(), r.value(), r.headers(), r.timestamp()))
                        .collect(Collectors.toList()), wanted, "records of partition " + p);
                Cluster.equal(offsets(mine), upTo(0, wanted.size()), "offsets of partition " + p);
            }
        }
    }

    private static List<Long> offsets(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(ConsumerRecord::offset).collect(Collectors.toList());
    }

    private static List<Long> upTo(long first, long end) {
        return LongStream.range(first, end).boxed().collect(Collectors.toList());
    }

    private static void roundTrip(Object... settings) throws Exception {
        String topic = Cluster.newTopic(3, Collections.emptyMap());
        List<ProducerRecord<byte[], byte[]>> records = samples(topic);
        Cluster.produce(records, settings);
        readBack(topic, records);
    }

    private static void autoCreated() throws Exception {
        String topic = Cluster.unique("auto");
        Cluster.produce(Collections.singletonList(new ProducerRecord<>(topic, 0, bytes("k"), bytes("v"))));
        try (KafkaConsumer<byte[], byte[]> consumer = Cluster.consumer()) {
            consumer.assign(partitions(topic, 1));
            Cluster.equal(new String(Cluster.read(consumer, 1).get(0).value(), StandardCharsets.UTF_8), "v", "value");
        }
    }

    /** A MiB a partition and more, so that a fetch answers in several parts. */
    private static void largeBatches() throws Exception {
        String topic = Cluster.newTopic(3, Collections.emptyMap());
        Random random = new Random(2);
        long now = System.currentTimeMillis();
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 900; i++) {
            records.add(new ProducerRecord<>(topic, i % 3, now + i, null, random(random, 10_000)));
        }
        Cluster.produce(records, "compression.type", "lz4", "batch.size", 200_000);
        readBack(topic, records);
    }

    /** Partition 0 holds ten records, a second apart from 1,000,000 ms on; partition 1 none. */
    private static String timedTopic() throws Exception {
        String topic = Cluster.newTopic(2, Collections.singletonMap("retention.ms", "-1"));
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            records.add(new ProducerRecord<>(topic, 0, 1_000_000L + 1_000 * i, null, bytes("" + i)));
        }
        Cluster.produce(records);
        return topic;
    }

    private static void seek() throws Exception {
        String topic = timedTopic();
        TopicPartition at = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = Cluster.consumer()) {
            consumer.assign(Collections.singleton(at));
            Cluster.equal(offsets(Cluster.read(consumer, 10)), upTo(0, 10), "from the beginning");
            consumer.seek(at, 7);
            Cluster.equal(offsets(Cluster.read(consumer, 3)), upTo(7, 10), "after seek to 7");
            consumer.seekToBeginning(Collections.singleton(at));
            Cluster.equal(offsets(Cluster.read(consumer, 10)), upTo(0, 10), "after seek to the beginning");
            consumer.seekToEnd(Collections.singleton(at));
            Cluster.equal(consumer.poll(Duration.ofSeconds(1)).count(), 0, "records after seek to the end");
            Cluster.produce(Collections.singletonList(new ProducerRecord<>(topic, 0, 2_000_000L, null, bytes("late"))));
            Cluster.equal(offsets(Cluster.read(consumer, 1)), upTo(10, 11), "what came after the end");
            OffsetAndTimestamp found = consumer.offsetsForTimes(Collections.singletonMap(at, 1_004_500L)).get(at);
            consumer.seek(at, found.offset());
            Cluster.equal(offsets(Cluster.read(consumer, 6)), upTo(5, 11), "after seek to a time");
            // Out of range: the reset policy, earliest, decides.
            consumer.seek(at, 1_000);
            Cluster.equal(offsets(Cluster.read(consumer, 11)), upTo(0, 11), "after seek past the end");
        }
    }

    private static void offsetsForTimes() throws Exception {
        String topic = timedTopic();
        List<TopicPartition> both = partitions(topic, 2);
        TopicPartition at = both.get(0);
        try (KafkaConsumer<byte[], byte[]> consumer = Cluster.consumer()) {
            long[][] cases = {{0, 0}, {1_000_000, 0}, {1_000_001, 1}, {1_008_999, 9}};
            for (long[] c : cases) {
                OffsetAndTimestamp found = consumer.offsetsForTimes(Collections.singletonMap(at, c[0])).get(at);
                Cluster.equal(found.offset(), c[1], "offset for time " + c[0]);
                Cluster.equal(found.timestamp(), 1_000_000 + 1_000 * c[1], "its time");
            }
            Cluster.equal(consumer.offsetsForTimes(Collections.singletonMap(at, 1_009_001L)).get(at), null, "after all");
            Cluster.equal(consumer.offsetsForTimes(Collections.singletonMap(both.get(1), 0L)).get(both.get(1)), null,
                    "offset for a time, empty partition");
            Cluster.equal(new ArrayList<>(consumer.beginningOffsets(both).values()), Arrays.asList(0L, 0L), "beginnings");
            Map<TopicPartition, Long> ends = consumer.endOffsets(both);
            Cluster.equal(Arrays.asList(ends.get(at), ends.get(both.get(1))), Arrays.asList(10L, 0L), "ends");
        }
    }
}
