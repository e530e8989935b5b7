"""kafka-python through the checks."""

import re
import sys

import adapter
import kafka.errors
from adapter import Record
from checks import add_checks
from kafka import (ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer,
                   OffsetAndMetadata, TopicPartition)
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from suite import BROKER, Suite

SECONDS = 20
ASSIGNORS = {
    "range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor, "cooperative-sticky": CooperativeStickyAssignor,
}


class Listener(ConsumerRebalanceListener):
    def __init__(self, assigned, revoked):
        self.assigned, self.revoked = assigned, revoked

    def on_partitions_assigned(self, assigned):
        self.assigned([p.partition for p in assigned])

    def on_partitions_revoked(self, revoked):
        self.revoked([p.partition for p in revoked])

    on_partitions_lost = on_partitions_revoked


class Reader(adapter.Reader):
    def __init__(self, topic, group, assignor, instance):
        self.topic = topic
        more = {"partition_assignment_strategy": [ASSIGNORS[assignor]]} if assignor else {}
        self.consumer = KafkaConsumer(
            bootstrap_servers=BROKER, group_id=group, group_instance_id=instance,
            enable_auto_commit=False, auto_offset_reset="earliest",
            session_timeout_ms=10_000, heartbeat_interval_ms=300, **more)

    def _at(self, partition):
        return TopicPartition(self.topic, partition)

    def assign(self, partitions):
        self.consumer.assign([self._at(p) for p in partitions])

    def subscribe(self, assigned, revoked):
        # kafka-python 3.0.12 drops the share of a generation when it joins again at
        # once because it has only now heard of the topic: let it know the topic first.
        self.consumer.partitions_for_topic(self.topic)
        self.consumer.subscribe([self.topic], listener=Listener(assigned, revoked))

    def poll(self, seconds):
        batches = self.consumer.poll(timeout_ms=int(seconds * 1000)).values()
        return [Record(r.partition, r.key, r.value, tuple(r.headers), r.timestamp, r.offset)
                for batch in batches for r in batch]

    def seek(self, partition, offset):
        self.consumer.seek(self._at(partition), offset)

    def seek_to_beginning(self, partition):
        self.consumer.seek_to_beginning(self._at(partition))

    def seek_to_end(self, partition):
        self.consumer.seek_to_end(self._at(partition))

    def bounds(self, partition):
        at = self._at(partition)
        return self.consumer.beginning_offsets([at])[at], self.consumer.end_offsets([at])[at]

    def offset_for_time(self, partition, timestamp_ms):
        at = self._at(partition)
        found = self.consumer.offsets_for_times({at: timestamp_ms})[at]
        return found and found.offset

    def commit(self, offsets):
        self.consumer.commit({self._at(p): OffsetAndMetadata(offset, metadata, -1)
                              for p, (offset, metadata) in offsets.items()}, timeout_ms=SECONDS * 1000)

    def committed(self, partition):
        found = self.consumer.committed(self._at(partition), metadata=True, timeout_ms=SECONDS * 1000)
        return found and (found.offset, found.metadata)

    def close(self):
        self.consumer.close(autocommit=False, timeout_ms=SECONDS * 1000)


class Client(adapter.Adapter):
    eager = ["range", "roundrobin", "sticky"]
    cooperative = ["cooperative-sticky"]

    def __init__(self):
        self.admin = KafkaAdminClient(bootstrap_servers=BROKER)

    def code(self, error):
        return getattr(error, "errno", None)

    def produce(self, topic, records, codec="none", idempotent=False):
        producer = KafkaProducer(bootstrap_servers=BROKER, acks="all", linger_ms=5,
                                 compression_type=None if codec == "none" else codec,
                                 enable_idempotence=idempotent)
        try:
            sent = [producer.send(topic, r.value, r.key, list(r.headers), r.partition, r.timestamp_ms)
                    for r in records]
            for s in sent:
                s.get(SECONDS)
        finally:
            producer.close(SECONDS)

    def reader(self, topic, group=None, assignor=None, instance=None):
        return Reader(topic, group, assignor, instance)

    def create_topic(self, topic, partitions, configs):
        self.admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1,
                                          "configs": configs}})

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])

    def topics(self):
        return self.admin.list_topics()

    def configs(self, topic):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        found = self.admin.describe_configs([resource], config_filter="all")["topic"][topic]
        return {name: config["value"] for name, config in found.items()}

    def alter_config(self, topic, name, value):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})
        verdict = self.admin.alter_configs([resource])["topic"][topic]
        if code := re.match(r"\[Error (\d+)]", verdict):
            raise kafka.errors.for_code(int(code[1]))(verdict)
        if verdict != "OK":
            raise AssertionError(verdict)

    def groups(self):
        return [g["group_id"] for g in self.admin.list_groups()]

    def describe_group(self, group):
        found = self.admin.describe_groups([group])[group]
        return found["group_state"], len(found["members"])

    def delete_group(self, group):
        verdict = self.admin.delete_groups([group])[group]
        if verdict != "OK":
            raise getattr(kafka.errors, verdict)()

    def group_offsets(self, group, topic):
        found = self.admin.list_group_offsets({group: None})[group]
        return {p.partition: (o.offset, o.metadata) for p, o in found.items() if p.topic == topic}

    def alter_group_offset(self, group, topic, partition, offset):
        self._each_well(self.admin.alter_group_offsets(
            group, {TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)}))

    def delete_group_offset(self, group, topic, partition):
        self._each_well(self.admin.delete_group_offsets(group, [TopicPartition(topic, partition)]))

    def _each_well(self, results):
        for error in results.values():
            if error is not kafka.errors.NoError:
                raise error()


suite = Suite()
add_checks(suite, Client())
suite.run(*sys.argv[1:])
