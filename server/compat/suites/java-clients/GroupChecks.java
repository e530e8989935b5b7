import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;

/** Consumer groups, as their members and as their administrator see them. */
final class GroupChecks {
    private static final String COOPERATIVE = "CooperativeStickyAssignor";

    private GroupChecks() {}

    static void add(Map<String, Main.Check> checks) {
        for (String assignor : new String[] {"RangeAssignor", "RoundRobinAssignor", "StickyAssignor", COOPERATIVE}) {
            checks.put("rebalance-" + assignor, () -> rebalance(assignor));
        }
        checks.put("static-members", GroupChecks::staticMembers);
        checks.put("remove-static-member", GroupChecks::removeStaticMember);
        checks.put("commit-metadata", GroupChecks::commitMetadata);
        checks.put("describe-group", GroupChecks::describeGroup);
        checks.put("delete-group", GroupChecks::deleteGroup);
        checks.put("group-offsets", GroupChecks::groupOffsets);
    }

    private static void rebalance(String assignor) throws Exception {
        try (Group group = new Group(assignor)) {
            Group.Member first = group.member("first");
            group.awaitShares(6);
            group.produce(20);
            Group.Member second = group.member("second");
            group.awaitShares(3, 3);
            int before = group.revocations;
            group.produce(20);
            Group.Member third = group.member("third");
            group.awaitShares(2, 2, 2);
            if (assignor.equals(COOPERATIVE)) {
                Cluster.equal(group.revocations - before, 2, "partitions revoked when a third joins");
            }
            group.produce(20);
            first.leave();
            group.awaitShares(3, 3);
            group.produce(20);
            second.leave();
            group.awaitShares(6);
            group.produce(20);
            group.awaitAllSeen();
            third.leave();
            Cluster.equal(group.faults, Collections.emptyList(), "faults");
            Cluster.equal(new TreeSet<>(group.seen.values()), Collections.singleton(1), "times a record is seen");
            Cluster.equal(new TreeSet<>(offsets(group.name).values()),
                    Collections.singleton(Long.valueOf(group.produced)), "committed at the end");
        }
    }

    /** A static member that comes back gets its partitions again, and nobody else notices. */
    private static void staticMembers() throws Exception {
        try (Group group = new Group("RangeAssignor")) {
            group.member("stays", "group.instance.id", "instance-a");
            Group.Member returns = group.member("returns", "group.instance.id", "instance-b");
            group.awaitShares(3, 3);
            group.produce(20);
            group.awaitAllSeen();
            List<Integer> mine = ownedBy(group, "returns");
            returns.leave();
            int before = group.revocations;
            group.member("returned", "group.instance.id", "instance-b");
            group.awaitShares(3, 3);
            Cluster.equal(ownedBy(group, "returned"), mine, "partitions of who returned");
            Cluster.equal(group.revocations - before, 0, "partitions revoked from the one who stayed");
            group.produce(20);
            group.awaitAllSeen();
        }
    }

    private static List<Integer> ownedBy(Group group, String member) {
        synchronized (group) {
            return group.owners.entrySet().stream().filter(e -> e.getValue().equals(member))
                    .map(Map.Entry::getKey).collect(Collectors.toList());
        }
    }

    /** A static member stays when its client is closed, until the administrator removes it. */
    private static void removeStaticMember() throws Exception {
        try (Group group = new Group("RangeAssignor")) {
            group.member("stays", "group.instance.id", "instance-a");
            Group.Member gone = group.member("gone", "group.instance.id", "instance-b");
            group.awaitShares(3, 3);
            gone.leave();
            Cluster.equal(describe(group.name).members().size(), 2, "members while one is closed");
            Cluster.done(Cluster.ADMIN.removeMembersFromConsumerGroup(group.name, new RemoveMembersFromConsumerGroupOptions(
                    Collections.singleton(new MemberToRemove("instance-b")))).all());
            group.awaitShares(6);
            Cluster.equal(describe(group.name).members().size(), 1, "members after the removal");
        }
    }

    private static ConsumerGroupDescription describe(String group) throws Exception {
        return Cluster.done(Cluster.ADMIN.describeConsumerGroups(Collections.singleton(group)).all()).get(group);
    }

    private static Map<TopicPartition, OffsetAndMetadata> committed(String group) throws Exception {
        return Cluster.done(Cluster.ADMIN.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
    }

    private static Map<Integer, Long> offsets(String group) throws Exception {
        Map<Integer, Long> offsets = new TreeMap<>();
        committed(group).forEach((p, o) -> offsets.put(p.partition(), o.offset()));
        return offsets;
    }

    private static void commitMetadata() throws Exception {
        String topic = Cluster.newTopic(3, Collections.emptyMap());
        List<TopicPartition> at = RecordChecks.partitions(topic, 3);
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            records.add(new ProducerRecord<>(topic, i % 3, null, RecordChecks.bytes("v")));
        }
        Cluster.produce(records);
        String group = Cluster.unique("group");
        Map<TopicPartition, OffsetAndMetadata> want = new HashMap<>();
        want.put(at.get(0), new OffsetAndMetadata(3, "three, with \u00fcmlauts"));
        want.put(at.get(1), new OffsetAndMetadata(0));
        want.put(at.get(2), new OffsetAndMetadata(10, String.join("", Collections.nCopies(4_000, "m"))));
        try (KafkaConsumer<byte[], byte[]> consumer = Cluster.consumer("group.id", group)) {
            consumer.assign(at);
            consumer.commitSync(want);
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Cluster.consumer("group.id", group)) {
            Cluster.equal(consumer.committed(want.keySet()), want, "committed");
            consumer.assign(Collections.singleton(at.get(0)));
            Cluster.equal(Cluster.read(consumer, 1).get(0).offset(), 3L, "first offset read after the commit");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = Cluster.consumer("group.id", Cluster.unique("nobody"))) {
            Cluster.equal(consumer.committed(Collections.singleton(at.get(0))).get(at.get(0)), null,
                    "committed by an unknown group");
        }
    }

    private static boolean listed(String group) throws Exception {
        return Cluster.done(Cluster.ADMIN.listConsumerGroups().all()).stream().anyMatch(g -> g.groupId().equals(group));
    }

    private static void describeGroup() throws Exception {
        try (Group group = new Group("RangeAssignor")) {
            Group.Member first = group.member("first");
            Group.Member second = group.member("second");
            group.awaitShares(3, 3);
            Cluster.equal(listed(group.name), true, "the group is listed");
            ConsumerGroupDescription found = describe(group.name);
            Cluster.equal(found.state().toString(), "Stable", "state");
            Cluster.equal(found.partitionAssignor(), "range", "assignor");
            Cluster.equal(found.members().stream().flatMap(m -> m.assignment().topicPartitions().stream())
                    .map(TopicPartition::partition).sorted().collect(Collectors.toList()),
                    Arrays.asList(0, 1, 2, 3, 4, 5), "what the members own");
            first.leave();
            second.leave();
            Cluster.equal(describe(group.name).members().size(), 0, "members of the group they left");
        }
    }

    private static void deleteGroup() throws Exception {
        try (Group group = new Group("RangeAssignor")) {
            group.produce(1);
            Group.Member member = group.member("only");
            group.awaitAllSeen();
            Cluster.refused(GroupNotEmptyException.class, "deleting a group with a member", () -> delete(group.name));
            member.leave();
            delete(group.name);
            Cluster.equal(listed(group.name), false, "the deleted group is listed");
            Cluster.refused(GroupIdNotFoundException.class, "deleting it again", () -> delete(group.name));
            Cluster.equal(offsets(group.name), Collections.emptyMap(), "committed by the deleted group");
        }
    }

    private static Void delete(String group) throws Exception {
        return Cluster.done(Cluster.ADMIN.deleteConsumerGroups(Collections.singleton(group)).all());
    }

    /** The administrator changes and deletes offsets, but not under a member's feet. */
    private static void groupOffsets() throws Exception {
        try (Group group = new Group("RangeAssignor")) {
            group.produce(4);
            Group.Member member = group.member("only");
            group.awaitAllSeen();
            TopicPartition zero = new TopicPartition(group.topic, 0);
            TopicPartition one = new TopicPartition(group.topic, 1);
            Cluster.refused(GroupSubscribedToTopicException.class, "deleting an offset of a topic that is subscribed to",
                    () -> deleteOffset(group.name, zero));
            member.leave();
            Cluster.done(Cluster.ADMIN.alterConsumerGroupOffsets(group.name,
                    Collections.singletonMap(one, new OffsetAndMetadata(2, "by hand"))).all());
            deleteOffset(group.name, zero);
            Map<Integer, Long> want = new TreeMap<>();
            want.put(1, 2L);
            for (int p = 2; p < Group.PARTITIONS; p++) {
                want.put(p, 4L);
            }
            Cluster.equal(offsets(group.name), want, "offsets, one altered and one deleted");
            Cluster.equal(committed(group.name).get(one).metadata(), "by hand", "metadata of the altered offset");
        }
    }

    private static Void deleteOffset(String group, TopicPartition at) throws Exception {
        return Cluster.done(Cluster.ADMIN.deleteConsumerGroupOffsets(group, Collections.singleton(at)).all());
    }
}
