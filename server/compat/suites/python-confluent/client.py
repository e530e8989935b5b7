"""confluent-kafka, that is librdkafka, through the checks."""

import sys

import adapter
from adapter import Record
from checks import add_checks
from confluent_kafka import (OFFSET_BEGINNING, OFFSET_END, Consumer, ConsumerGroupTopicPartitions,
                             KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic)
from suite import BROKER, Suite

SECONDS = 20


class Reader(adapter.Reader):
    def __init__(self, topic, group, assignor, instance):
        self.topic = topic
        config = {
            "bootstrap.servers": BROKER, "group.id": group or "unused",
            "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "session.timeout.ms": 10_000, "heartbeat.interval.ms": 300, "log_level": 3,
        }
        if assignor:
            config["partition.assignment.strategy"] = assignor
        if instance:
            config["group.instance.id"] = instance
        self.consumer = Consumer(config)

    def _at(self, partition, offset=-1001, metadata=None):
        if metadata is None:
            return TopicPartition(self.topic, partition, offset)
        return TopicPartition(self.topic, partition, offset, metadata)

    def assign(self, partitions):
        self.consumer.assign([self._at(p) for p in partitions])

    def subscribe(self, assigned, revoked):
        def partitions(then):
            return lambda _, parts: then([p.partition for p in parts])
        self.consumer.subscribe([self.topic], on_assign=partitions(assigned),
                                on_revoke=partitions(revoked), on_lost=partitions(revoked))

    def poll(self, seconds):
        messages = self.consumer.consume(500, seconds)
        for m in messages:
            if m.error():
                raise KafkaException(m.error())
        return [Record(m.partition(), m.key(), m.value(), tuple(m.headers() or ()), m.timestamp()[1],
                       m.offset()) for m in messages]

    def seek(self, partition, offset):
        self.consumer.seek(self._at(partition, offset))

    def seek_to_beginning(self, partition):
        self.seek(partition, OFFSET_BEGINNING)

    def seek_to_end(self, partition):
        self.seek(partition, OFFSET_END)

    def bounds(self, partition):
        return self.consumer.get_watermark_offsets(self._at(partition), timeout=SECONDS)

    def offset_for_time(self, partition, timestamp_ms):
        (found,) = self.consumer.offsets_for_times([self._at(partition, timestamp_ms)], timeout=SECONDS)
        return None if found.offset == OFFSET_END else found.offset

    def commit(self, offsets):
        parts = [self._at(p, offset, metadata) for p, (offset, metadata) in offsets.items()]
        for p in self.consumer.commit(offsets=parts, asynchronous=False):
            if p.error:
                raise KafkaException(p.error)

    def committed(self, partition):
        (found,) = self.consumer.committed([self._at(partition)], timeout=SECONDS)
        return None if found.offset < 0 else (found.offset, found.metadata or "")

    def close(self):
        self.consumer.close()


class Client(adapter.Adapter):
    eager = ["range", "roundrobin"]
    cooperative = ["cooperative-sticky"]
    lacks = {"delete-group-offsets": "confluent-kafka has no call for it"}

    def __init__(self):
        self.admin = AdminClient({"bootstrap.servers": BROKER})

    def code(self, error):
        return error.args[0].code() if isinstance(error, KafkaException) else None

    def produce(self, topic, records, codec="none", idempotent=False):
        producer = Producer({"bootstrap.servers": BROKER, "compression.type": codec, "acks": "all",
                             "enable.idempotence": idempotent, "linger.ms": 5})
        errors = []

        def delivered(error, _):
            if error:
                errors.append(error)
        for r in records:
            producer.produce(topic, value=r.value, key=r.key, partition=r.partition,
                             timestamp=r.timestamp_ms, headers=list(r.headers), on_delivery=delivered)
            producer.poll(0)
        left = producer.flush(SECONDS)
        if errors:
            raise KafkaException(errors[0])
        if left:
            raise AssertionError(f"{left} records are not acknowledged after {SECONDS} s")

    def reader(self, topic, group=None, assignor=None, instance=None):
        return Reader(topic, group, assignor, instance)

    def create_topic(self, topic, partitions, configs):
        new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=configs)
        self.admin.create_topics([new])[topic].result(SECONDS)

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])[topic].result(SECONDS)

    def topics(self):
        return self.admin.list_topics(timeout=SECONDS).topics.keys()

    def configs(self, topic):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        entries = self.admin.describe_configs([resource])[resource].result(SECONDS)
        return {name: e.value for name, e in entries.items()}

    def alter_config(self, topic, name, value):
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(SECONDS)

    def groups(self):
        found = self.admin.list_consumer_groups().result(SECONDS)
        if found.errors:
            raise found.errors[0]
        return [g.group_id for g in found.valid]

    def describe_group(self, group):
        found = self.admin.describe_consumer_groups([group])[group].result(SECONDS)
        return found.state.name.title(), len(found.members)

    def delete_group(self, group):
        self.admin.delete_consumer_groups([group])[group].result(SECONDS)

    def group_offsets(self, group, topic):
        asked = ConsumerGroupTopicPartitions(group)
        found = self.admin.list_consumer_group_offsets([asked])[group].result(SECONDS)
        return {p.partition: (p.offset, p.metadata or "") for p in found.topic_partitions if p.topic == topic}

    def alter_group_offset(self, group, topic, partition, offset):
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition, offset)])
        found = self.admin.alter_consumer_group_offsets([asked])[group].result(SECONDS)
        for p in found.topic_partitions:
            if p.error:
                raise KafkaException(p.error)


suite = Suite()
add_checks(suite, Client())
suite.run(*sys.argv[1:])
