"""aiokafka through the checks: each reader is driven by an event loop of its own."""

import asyncio
import sys

import adapter
from adapter import Record
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import for_code
from checks import add_checks
from suite import BROKER, Suite

SECONDS = 20
ASSIGNORS = {
    "range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}


class Listener(ConsumerRebalanceListener):
    def __init__(self, assigned, revoked):
        self.assigned, self.revoked = assigned, revoked

    def on_partitions_assigned(self, assigned):
        self.assigned([p.partition for p in assigned])

    def on_partitions_revoked(self, revoked):
        self.revoked([p.partition for p in revoked])


class Reader(adapter.Reader):
    def __init__(self, topic, group, assignor, instance):
        self.topic = topic
        self.loop = asyncio.Runner()
        self.run = self.loop.run
        more = {"partition_assignment_strategy": [ASSIGNORS[assignor]]} if assignor else {}

        async def start():
            self.consumer = AIOKafkaConsumer(
                bootstrap_servers=BROKER, group_id=group, group_instance_id=instance,
                enable_auto_commit=False, auto_offset_reset="earliest",
                session_timeout_ms=10_000, heartbeat_interval_ms=300, **more)
            await self.consumer.start()
        self.run(start())

    def _at(self, partition):
        return TopicPartition(self.topic, partition)

    async def _now(self, function, *args):
        """Some of its calls are plain functions that want a running loop all the same."""
        return function(*args)

    def assign(self, partitions):
        self.run(self._now(self.consumer.assign, [self._at(p) for p in partitions]))

    def subscribe(self, assigned, revoked):
        self.run(self._now(self.consumer.subscribe, [self.topic], None, Listener(assigned, revoked)))

    def poll(self, seconds):
        batches = self.run(self.consumer.getmany(timeout_ms=int(seconds * 1000))).values()
        return [Record(r.partition, r.key, r.value, tuple(r.headers), r.timestamp, r.offset)
                for batch in batches for r in batch]

    def seek(self, partition, offset):
        self.run(self._now(self.consumer.seek, self._at(partition), offset))

    def seek_to_beginning(self, partition):
        self.run(self.consumer.seek_to_beginning(self._at(partition)))

    def seek_to_end(self, partition):
        self.run(self.consumer.seek_to_end(self._at(partition)))

    def bounds(self, partition):
        at = self._at(partition)
        return (self.run(self.consumer.beginning_offsets([at]))[at],
                self.run(self.consumer.end_offsets([at]))[at])

    def offset_for_time(self, partition, timestamp_ms):
        at = self._at(partition)
        found = self.run(self.consumer.offsets_for_times({at: timestamp_ms}))[at]
        return found and found.offset

    def commit(self, offsets):
        self.run(self.consumer.commit({self._at(p): committed for p, committed in offsets.items()}))

    def committed(self, partition):
        # Its consumers tell of the offset alone.
        return Client.one.committed(self.consumer._group_id, self._at(partition))

    def close(self):
        self.run(self.consumer.stop())
        self.loop.close()


class Client(adapter.Adapter):
    eager = ["range", "roundrobin", "sticky"]
    lacks = {
        "rebalance-cooperative-sticky": "aiokafka has no cooperative assignor",
        "delete-group": "aiokafka has no call for it",
        "alter-group-offsets": "aiokafka has no call for it",
        "delete-group-offsets": "aiokafka has no call for it",
    }

    def __init__(self):
        Client.one = self
        self.loop = asyncio.Runner()
        self.run = self.loop.run

        async def start():
            self.admin = AIOKafkaAdminClient(bootstrap_servers=BROKER)
            await self.admin.start()
        self.run(start())

    def code(self, error):
        return getattr(error, "errno", None)

    def produce(self, topic, records, codec="none", idempotent=False):
        async def send_all():
            producer = AIOKafkaProducer(
                bootstrap_servers=BROKER, acks="all", linger_ms=5, enable_idempotence=idempotent,
                compression_type=None if codec == "none" else codec)
            await producer.start()
            try:
                sent = [await producer.send(topic, r.value, r.key, r.partition, r.timestamp_ms,
                                            list(r.headers)) for r in records]
                await asyncio.wait_for(asyncio.gather(*sent), SECONDS)
            finally:
                await producer.stop()
        self.run(send_all())

    def reader(self, topic, group=None, assignor=None, instance=None):
        return Reader(topic, group, assignor, instance)

    def create_topic(self, topic, partitions, configs):
        answer = self.run(self.admin.create_topics(
            [NewTopic(topic, partitions, 1, topic_configs=configs)]))
        for _, code, message in answer.topic_errors:
            raise_for(code, message)

    def delete_topic(self, topic):
        for _, code in self.run(self.admin.delete_topics([topic])).topic_error_codes:
            raise_for(code)

    def topics(self):
        return self.run(self.admin.list_topics())

    def configs(self, topic):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        (answer,) = self.run(self.admin.describe_configs([resource]))
        ((code, message, _, _, entries),) = answer.resources
        raise_for(code, message)
        return {entry[0]: entry[1] for entry in entries}

    def alter_config(self, topic, name, value):
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {name: value})
        for answer in self.run(self.admin.alter_configs([resource])):
            for code, message, *_ in answer.resources:
                raise_for(code, message)

    def groups(self):
        return [name for name, _ in self.run(self.admin.list_consumer_groups())]

    def describe_group(self, group):
        (answer,) = self.run(self.admin.describe_consumer_groups([group]))
        ((code, _, state, _, _, members, *_),) = answer.groups
        raise_for(code)
        return state, len(members)

    def group_offsets(self, group, topic):
        found = self.run(self.admin.list_consumer_group_offsets(group))
        return {p.partition: (o.offset, o.metadata) for p, o in found.items() if p.topic == topic}

    def committed(self, group, at):
        found = self.run(self.admin.list_consumer_group_offsets(group, partitions=[at]))[at]
        return None if found.offset < 0 else (found.offset, found.metadata)


def raise_for(code, message=None):
    if code:
        raise for_code(code)(message)


suite = Suite()
add_checks(suite, Client())
suite.run(*sys.argv[1:])
