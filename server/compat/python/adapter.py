"""What a suite wraps around its client, so that every client meets the same checks.

A partition is an int throughout: a reader knows its topic. Offsets that are
committed travel as (offset, metadata). What a client does not have is a key of
`lacks`, with the reason; its checks are printed as absent.
"""

from typing import NamedTuple, Optional


class Record(NamedTuple):
    partition: int
    key: Optional[bytes]
    value: Optional[bytes]
    headers: tuple = ()
    timestamp_ms: int = 0
    offset: int = -1


class Reader:
    """A consumer of one topic. Closed by `with`."""

    def assign(self, partitions):
        raise NotImplementedError

    def subscribe(self, assigned, revoked):
        """Joins the group; both callbacks get a list of partitions."""
        raise NotImplementedError

    def poll(self, seconds):
        """Records that arrived, perhaps none."""
        raise NotImplementedError

    def seek(self, partition, offset):
        raise NotImplementedError

    def seek_to_beginning(self, partition):
        raise NotImplementedError

    def seek_to_end(self, partition):
        raise NotImplementedError

    def bounds(self, partition):
        """(first offset, end offset)"""
        raise NotImplementedError

    def offset_for_time(self, partition, timestamp_ms):
        """The first offset at or after the time, None where there is none."""
        raise NotImplementedError

    def commit(self, offsets):
        """offsets: {partition: (offset, metadata)}"""
        raise NotImplementedError

    def committed(self, partition):
        """(offset, metadata), None where nothing is committed."""
        raise NotImplementedError

    def close(self):
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Adapter:
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    eager = []
    cooperative = []
    lacks = {}

    def code(self, error):
        """Kafka's error code in what the client raised, None where it has none."""
        raise NotImplementedError

    def produce(self, topic, records, codec="none", idempotent=False):
        """Returns when all are acknowledged."""
        raise NotImplementedError

    def reader(self, topic, group=None, assignor=None, instance=None):
        """Reads from the beginning where nothing is committed; commits only when told."""
        raise NotImplementedError

    def create_topic(self, topic, partitions, configs):
        raise NotImplementedError

    def delete_topic(self, topic):
        raise NotImplementedError

    def topics(self):
        raise NotImplementedError

    def configs(self, topic):
        """{name: value}, of all configurations"""
        raise NotImplementedError

    def alter_config(self, topic, name, value):
        raise NotImplementedError

    def groups(self):
        raise NotImplementedError

    def describe_group(self, group):
        """(state, number of members)"""
        raise NotImplementedError

    def delete_group(self, group):
        raise NotImplementedError

    def group_offsets(self, group, topic):
        """{partition: (offset, metadata)}"""
        raise NotImplementedError

    def alter_group_offset(self, group, topic, partition, offset):
        raise NotImplementedError

    def delete_group_offset(self, group, topic, partition):
        raise NotImplementedError
