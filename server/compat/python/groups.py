"""The checks of consumer groups."""

import threading
import time

from adapter import Record
from suite import TooLong, equal, now_ms, refused, unique

PARTITIONS = 6
NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND = 68, 69
SUBSCRIBED = 86  # GROUP_SUBSCRIBED_TO_TOPIC


def add_group_checks(suite, adapter):
    for assignor in adapter.eager + adapter.cooperative:
        suite.check(f"rebalance-{assignor}", rebalance, adapter, assignor)
    checks = {
        "static-members": static_members,
        "commit-metadata": commit_metadata,
        "list-groups": list_groups,
        "describe-group": describe_group,
        "delete-group": delete_group,
        "group-offsets": group_offsets,
        "alter-group-offsets": alter_group_offsets,
        "delete-group-offsets": delete_group_offsets,
    }
    for name, function in checks.items():
        if name not in adapter.lacks:
            suite.check(name, function, adapter)


class Watch:
    """What the members of a group own and have seen, and what went wrong among them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.owners = {}
        self.seen = {}
        self.faults = []
        self.revocations = 0

    def assigned(self, member, partitions):
        with self.lock:
            for p in partitions:
                if p in self.owners:
                    self.faults.append(f"{p} given to {member} while {self.owners[p]} owns it")
                self.owners[p] = member

    def revoked(self, member, partitions):
        with self.lock:
            self.revocations += len(partitions)
            for p in partitions:
                if self.owners.get(p) == member:
                    del self.owners[p]

    def saw(self, member, records):
        with self.lock:
            for r in records:
                if self.owners.get(r.partition) != member:
                    self.faults.append(f"{member} reads {r.partition} of {self.owners.get(r.partition)}")
                at = (r.partition, r.offset)
                self.seen[at] = self.seen.get(at, 0) + 1

    def wait(self, what, condition):
        """Until the condition holds; the suite's limit ends a wait for ever."""
        try:
            while True:
                with self.lock:
                    if self.faults:
                        raise AssertionError(f"before {what}: {self.faults[0]}")
                    if condition(self):
                        return
                time.sleep(0.02)
        except TooLong as e:
            counts = [sum(p == at[0] for at in self.seen) for p in range(PARTITIONS)]
            raise TooLong(f"{e}: waits until {what}; owners {self.owners}, seen {counts}") from None

    def wait_shares(self, *counts):
        def shared(w):
            owners = list(w.owners.values())
            return len(owners) == PARTITIONS and sorted(map(owners.count, set(owners))) == sorted(counts)
        self.wait(f"shares are {counts}", shared)


class Member(threading.Thread):
    """Polls, and commits what it has seen, until it is told to leave."""

    def __init__(self, name, open_reader, watch):
        super().__init__(name=name, daemon=True)
        self.open_reader, self.watch, self.leaving = open_reader, watch, threading.Event()
        self.start()

    def run(self):
        try:
            with self.open_reader() as reader:
                reader.subscribe(lambda ps: self.watch.assigned(self.name, ps),
                                 lambda ps: self.watch.revoked(self.name, ps))
                while not self.leaving.is_set():
                    records = reader.poll(0.1)
                    self.watch.saw(self.name, records)
                    if records:
                        reader.commit({r.partition: (r.offset + 1, "") for r in records})
            # Some clients tell of no revocation when they are closed; by now they have left.
            self.watch.revoked(self.name, [p for p, m in list(self.watch.owners.items()) if m == self.name])
        except Exception as e:
            self.watch.faults.append(f"{self.name}: {type(e).__name__}: {e}")

    def leave(self):
        self.leaving.set()
        self.join()


class Group:
    """A topic, a group that reads it, and a watch over both. Closed by `with`."""

    def __init__(self, adapter, assignor=None):
        self.adapter, self.assignor, self.watch = adapter, assignor, Watch()
        self.topic, self.name = unique("topic"), unique("group")
        self.members, self.produced = [], 0
        adapter.create_topic(self.topic, PARTITIONS, {})

    def member(self, name, instance=None):
        member = Member(name, lambda: self.adapter.reader(self.topic, self.name, self.assignor, instance),
                        self.watch)
        self.members.append(member)
        return member

    def produce(self, per_partition=20):
        self.adapter.produce(self.topic, [
            Record(i % PARTITIONS, None, b"%d" % i, (), now_ms()) for i in range(per_partition * PARTITIONS)])
        self.produced += per_partition

    def wait_all_seen(self):
        self.watch.wait("all are seen", lambda w: len(w.seen) == self.produced * PARTITIONS)

    def committed(self):
        with self.adapter.reader(self.topic, self.name) as reader:
            return [reader.committed(p) for p in range(PARTITIONS)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.leaving.set()
        for member in self.members:
            member.join(10)


def rebalance(adapter, assignor):
    with Group(adapter, assignor) as group:
        watch = group.watch
        first = group.member("first")
        watch.wait_shares(6)
        group.produce()
        second = group.member("second")
        watch.wait_shares(3, 3)
        before = watch.revocations
        group.produce()
        third = group.member("third")
        watch.wait_shares(2, 2, 2)
        if assignor in adapter.cooperative:
            equal(watch.revocations - before, 2, "partitions revoked when a third joins")
        group.produce()
        first.leave()
        watch.wait_shares(3, 3)
        group.produce()
        second.leave()
        watch.wait_shares(6)
        group.produce()
        group.wait_all_seen()
        third.leave()
        equal(watch.faults, [], "faults")
        twice = [at for at, times in watch.seen.items() if times > 1]
        equal(twice, [], "records seen twice, though each was committed before the next poll")
        equal([c[0] for c in group.committed()], [group.produced] * PARTITIONS, "committed at the end")


def static_members(adapter):
    """A static member that comes back gets its partitions again, and nobody else notices."""
    with Group(adapter, adapter.eager[0]) as group:
        watch = group.watch
        group.member("stays", "instance-a")
        watch.wait_shares(6)
        returns = group.member("returns", "instance-b")
        watch.wait_shares(3, 3)
        group.produce()
        group.wait_all_seen()
        mine = {p for p, m in watch.owners.items() if m == "returns"}
        returns.leave()
        before = watch.revocations
        group.member("returned", "instance-b")
        watch.wait_shares(3, 3)
        equal({p for p, m in watch.owners.items() if m == "returned"}, mine, "partitions of who returned")
        equal(watch.revocations - before, 0, "partitions revoked from the one who stayed")
        group.produce()
        group.wait_all_seen()


def committed_group(adapter, offsets):
    """A group without members that committed these."""
    topic, group = unique("topic"), unique("group")
    adapter.create_topic(topic, 3, {})
    adapter.produce(topic, [Record(i % 3, None, b"v", (), now_ms()) for i in range(30)])
    with adapter.reader(topic, group) as reader:
        reader.assign([0, 1, 2])
        reader.commit(offsets)
    return topic, group


def commit_metadata(adapter):
    offsets = {0: (3, "three, with \u00fcmlauts"), 1: (0, ""), 2: (10, "m" * 4000)}
    topic, group = committed_group(adapter, offsets)
    with adapter.reader(topic, group) as reader:
        for partition, want in offsets.items():
            equal(reader.committed(partition), want, f"committed for partition {partition}")
        reader.assign([0])
        got = []
        while not got:
            got = reader.poll(0.5)
        equal(got[0].offset, 3, "first offset read after the commit")
    with adapter.reader(topic, unique("nobody")) as reader:
        equal(reader.committed(0), None, "committed by an unknown group")


def list_groups(adapter):
    _, group = committed_group(adapter, {0: (1, "")})
    equal(group in adapter.groups(), True, "the group is listed")


def describe_group(adapter):
    with Group(adapter, adapter.eager[0]) as group:
        # One by one: kafka-python can lose an assignment when two rounds follow at once.
        first = group.member("first")
        group.watch.wait_shares(6)
        second = group.member("second")
        group.watch.wait_shares(3, 3)
        equal(adapter.describe_group(group.name), ("Stable", 2), "group of two")
        first.leave()
        second.leave()
        group.produce(1)
        equal(adapter.describe_group(group.name)[1], 0, "members of the group they left")


def delete_group(adapter):
    with Group(adapter, adapter.eager[0]) as group:
        group.produce(1)
        member = group.member("only")
        group.wait_all_seen()
        refused(adapter, NON_EMPTY_GROUP, "deleting a group with a member", adapter.delete_group, group.name)
        member.leave()
        adapter.delete_group(group.name)
        equal(group.name in adapter.groups(), False, "the deleted group is listed")
        refused(adapter, GROUP_ID_NOT_FOUND, "deleting it again", adapter.delete_group, group.name)
        equal(group.committed(), [None] * PARTITIONS, "committed by the deleted group")


def group_offsets(adapter):
    want = {0: (3, "three"), 2: (5, "")}
    topic, group = committed_group(adapter, want)
    equal(adapter.group_offsets(group, topic), want, "offsets of the group")


def alter_group_offsets(adapter):
    topic, group = committed_group(adapter, {0: (3, ""), 1: (4, "")})
    adapter.alter_group_offset(group, topic, 1, 9)
    got = adapter.group_offsets(group, topic)
    equal({p: offset for p, (offset, _) in got.items()}, {0: 3, 1: 9}, "offsets as altered")


def delete_group_offsets(adapter):
    topic, group = committed_group(adapter, {0: (3, ""), 1: (4, "")})
    adapter.delete_group_offset(group, topic, 1)
    equal(adapter.group_offsets(group, topic), {0: (3, "")}, "offsets after one is deleted")
    with Group(adapter, adapter.eager[0]) as busy:
        busy.produce(1)
        busy.member("only")
        busy.wait_all_seen()
        refused(adapter, SUBSCRIBED, "deleting an offset of a topic that is subscribed to",
                adapter.delete_group_offset, busy.name, busy.topic, 0)
