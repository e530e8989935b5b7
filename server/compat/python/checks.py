"""The checks every Python client goes through: records, positions, administration."""

import random

from adapter import Record
from groups import add_group_checks
from suite import equal, now_ms, refused, settles, unique

PARTITIONS = 6
UNKNOWN_TOPIC, TOPIC_EXISTS, INVALID_TOPIC, INVALID_CONFIG = 3, 36, 17, 40


def add_checks(suite, adapter):
    for codec in adapter.codecs:
        suite.check(f"codec-{codec}", codec_round_trip, adapter, codec, False)
    suite.check("idempotent-producer", codec_round_trip, adapter, "none", True)
    suite.check("auto-created-topic", auto_created_topic, adapter)
    suite.check("large-batches", large_batches, adapter)
    suite.check("seek", seek, adapter)
    suite.check("offsets-for-times", offsets_for_times, adapter)
    suite.check("topics", topics, adapter)
    suite.check("configs", configs, adapter)
    add_group_checks(suite, adapter)
    for name, reason in adapter.lacks.items():
        print(f"absent {name}: {reason}")


def samples(count=120, seed=1):
    """Records of every shape: null and empty keys and values, headers, some of them twice.

    Never is both key and value null: some clients refuse to send that.
    """
    rand = random.Random(seed)
    shapes = [None, b"", b"short", rand.randbytes(300), rand.randbytes(20_000), b"a" * 50_000]
    headers = [(), (("a", b"1"), ("a", b"2"), ("\u00fc", b"")), (("trace", rand.randbytes(100)),)]
    start = now_ms()
    return [
        Record(i % 3, shapes[i % 4], shapes[(i + 1 + i // 4) % 6] if i % 4 else b"no key", headers[i // 3 % 3], start + i)
        for i in range(count)
    ]


def read(reader, count):
    """Polls until count records are there; the suite's limit ends a wait for ever."""
    got = []
    while len(got) < count:
        got += reader.poll(0.5)
    return got


def same_records(got, want):
    for partition in {r.partition for r in want}:
        mine = [r for r in got if r.partition == partition]
        equal([r.offset for r in mine], list(range(len(mine))), f"offsets of partition {partition}")
        equal([r._replace(offset=-1) for r in mine],
              [r for r in want if r.partition == partition], f"records of partition {partition}")


def codec_round_trip(adapter, codec, idempotent):
    topic = unique("codec")
    adapter.create_topic(topic, 3, {})
    want = samples()
    adapter.produce(topic, want, codec, idempotent)
    with adapter.reader(topic) as reader:
        reader.assign([0, 1, 2])
        same_records(read(reader, len(want)), want)


def auto_created_topic(adapter):
    topic = unique("auto")
    want = [Record(0, b"k", b"v", (), now_ms())]
    adapter.produce(topic, want)
    with adapter.reader(topic) as reader:
        reader.assign([0])
        same_records(read(reader, 1), want)


def large_batches(adapter):
    """A MiB a partition and more, so that a fetch answers in several parts."""
    topic = unique("large")
    adapter.create_topic(topic, 3, {})
    rand = random.Random(2)
    want = [Record(i % 3, None, rand.randbytes(10_000), (), now_ms()) for i in range(900)]
    adapter.produce(topic, want, "lz4")
    with adapter.reader(topic) as reader:
        reader.assign([0, 1, 2])
        same_records(read(reader, len(want)), want)


def timed_topic(adapter):
    """Partition 0 holds ten records, a second apart from 1,000,000 ms on; partition 1 none."""
    topic = unique("timed")
    adapter.create_topic(topic, 2, {"retention.ms": "-1"})
    adapter.produce(topic, [Record(0, None, b"%d" % i, (), 1_000_000 + 1000 * i) for i in range(10)])
    return topic


def seek(adapter):
    topic = timed_topic(adapter)
    with adapter.reader(topic) as reader:
        reader.assign([0])
        equal([r.offset for r in read(reader, 10)], list(range(10)), "from the beginning")
        reader.seek(0, 7)
        equal([r.offset for r in read(reader, 3)], [7, 8, 9], "after seek to 7")
        reader.seek_to_beginning(0)
        equal([r.offset for r in read(reader, 10)], list(range(10)), "after seek to the beginning")
        reader.seek_to_end(0)
        equal(reader.poll(1), [], "after seek to the end")
        adapter.produce(topic, [Record(0, None, b"late", (), 2_000_000)])
        equal([r.value for r in read(reader, 1)], [b"late"], "what came after the end")
        reader.seek(0, reader.offset_for_time(0, 1_004_500))
        equal([r.offset for r in read(reader, 6)], list(range(5, 11)), "after seek to a time")
        # Out of range: the reset policy, earliest, decides.
        reader.seek(0, 1_000)
        equal([r.offset for r in read(reader, 11)], list(range(11)), "after seek past the end")


def offsets_for_times(adapter):
    topic = timed_topic(adapter)
    with adapter.reader(topic) as reader:
        for time_ms, want in (0, 0), (1_000_000, 0), (1_000_001, 1), (1_008_999, 9), (1_009_001, None):
            equal(reader.offset_for_time(0, time_ms), want, f"offset for time {time_ms}")
        equal(reader.offset_for_time(1, 0), None, "offset for a time, empty partition")
        equal(reader.bounds(0), (0, 10), "bounds")
        equal(reader.bounds(1), (0, 0), "bounds of the empty partition")


def topics(adapter):
    topic = unique("topics")
    adapter.create_topic(topic, PARTITIONS, {})
    settles(lambda: topic in adapter.topics(), True, "the new topic is listed")
    refused(adapter, TOPIC_EXISTS, "creating it again", adapter.create_topic, topic, 1, {})
    refused(adapter, INVALID_TOPIC, "a bad name", adapter.create_topic, "no/slash", 1, {})
    refused(adapter, INVALID_CONFIG, "a bad config", adapter.create_topic, unique("bad"), 1,
            {"retention.ms": "soon"})
    adapter.delete_topic(topic)
    settles(lambda: topic in adapter.topics(), False, "the deleted topic is listed")
    refused(adapter, UNKNOWN_TOPIC, "deleting it again", adapter.delete_topic, topic)


def configs(adapter):
    topic = unique("configs")
    adapter.create_topic(topic, 1, {"retention.ms": "123456789", "cleanup.policy": "compact"})

    def config(name):
        return adapter.configs(topic)[name]
    settles(lambda: config("retention.ms"), "123456789", "retention.ms as created")
    equal(config("cleanup.policy"), "compact", "cleanup.policy as created")
    equal(config("compression.type"), "producer", "compression.type by default")
    adapter.alter_config(topic, "max.message.bytes", "7777777")
    settles(lambda: config("max.message.bytes"), "7777777", "config as altered")
    refused(adapter, INVALID_CONFIG, "a bad value", adapter.alter_config, topic, "retention.ms", "soon")
