// The checks of consumer groups.
import assert from 'node:assert/strict'
import { record } from './checks.mjs'
import { refused, unique, until } from './suite.mjs'

const PARTITIONS = 6
const NON_EMPTY_GROUP = 68
const GROUP_ID_NOT_FOUND = 69
const SUBSCRIBED = 86 // GROUP_SUBSCRIBED_TO_TOPIC

export function addGroupChecks (suite, adapter) {
  for (const assigner of adapter.assigners) suite.check(`rebalance-${assigner}`, () => rebalance(adapter, assigner))
  const checks = {
    'static-members': staticMembers,
    'commit-offsets': commitOffsets,
    'commit-metadata': commitMetadata,
    'list-groups': listGroups,
    'describe-group': describeGroup,
    'delete-group': deleteGroup,
    'alter-group-offsets': alterGroupOffsets,
    'delete-group-offsets': deleteGroupOffsets
  }
  for (const [name, run] of Object.entries(checks)) {
    if (!(name in adapter.lacks)) suite.check(name, () => run(adapter))
  }
}

// A topic, a group that reads it, and what its members own and have seen.
class Group {
  owners = new Map()
  seen = new Map()
  faults = []
  revocations = 0
  topic = unique('topic')
  name = unique('group')
  produced = 0 // a partition
  #members = []

  constructor (adapter, assigner = adapter.assigners[0]) {
    this.adapter = adapter
    this.assigner = assigner
  }

  async member (name, instance) {
    const member = await this.adapter.member(this.topic, this.name, {
      assigner: this.assigner,
      instance,
      assigned: partitions => {
        for (const p of partitions) {
          if (this.owners.has(p)) this.faults.push(`${p} given to ${name} while ${this.owners.get(p)} owns it`)
          this.owners.set(p, name)
        }
      },
      revoked: () => {
        for (const [p, owner] of this.owners) {
          if (owner !== name) continue
          this.owners.delete(p)
          this.revocations++
        }
      },
      saw: r => {
        const at = `${r.partition}@${r.offset}`
        this.seen.set(at, (this.seen.get(at) ?? 0) + 1)
      }
    })
    this.#members.push(member)
    return member
  }

  async produce (perPartition = 20) {
    const records = Array.from({ length: PARTITIONS * perPartition }, (_, i) => record(i % PARTITIONS, `${i}`))
    await this.adapter.produce(this.topic, records, { codec: 'none' })
    this.produced += perPartition
  }

  #wait (condition) {
    return until(() => {
      if (this.faults.length > 0) throw new Error(this.faults[0])
      return condition()
    })
  }

  // Until as many members as there are counts own so many partitions each.
  shares (...counts) {
    return this.#wait(() => {
      const each = {}
      for (const owner of this.owners.values()) each[owner] = (each[owner] ?? 0) + 1
      return Object.values(each).sort().join() === counts.sort().join()
    })
  }

  allSeen () {
    return this.#wait(() => this.seen.size === PARTITIONS * this.produced)
  }

  async use (run) {
    await this.adapter.createTopic(this.topic, PARTITIONS, {})
    try {
      await run(this)
    } finally {
      await Promise.allSettled(this.#members.map(m => m.close()))
    }
  }
}

const rebalance = (adapter, assigner) => new Group(adapter, assigner).use(async group => {
  const first = await group.member('first')
  await group.shares(6)
  await group.produce()
  const second = await group.member('second')
  await group.shares(3, 3)
  await group.produce()
  const third = await group.member('third')
  await group.shares(2, 2, 2)
  await group.produce()
  await first.close()
  await group.shares(3, 3)
  await group.produce()
  await second.close()
  await group.shares(6)
  await group.produce()
  await group.allSeen()
  await third.close()
  assert.deepEqual(group.faults, [], 'faults')
  const committed = Object.values(await adapter.offsets(group.name, group.topic)).map(c => c[0])
  assert.deepEqual(committed, Array(PARTITIONS).fill(group.produced), 'committed at the end')
})

// A static member that comes back gets its partitions again, and nobody else notices.
const staticMembers = adapter => new Group(adapter).use(async group => {
  const mine = name => [...group.owners].filter(([, owner]) => owner === name).map(([p]) => p).sort()
  await group.member('stays', 'instance-a')
  const returns = await group.member('returns', 'instance-b')
  await group.shares(3, 3)
  await group.produce()
  await group.allSeen()
  const before = mine('returns')
  await returns.close()
  const revocations = group.revocations
  await group.member('returned', 'instance-b')
  await group.shares(3, 3)
  assert.deepEqual(mine('returned'), before, 'partitions of who returned')
  assert.equal(group.revocations, revocations, 'partitions revoked from the one who stayed')
  await group.produce()
  await group.allSeen()
})

// A group without members that committed these.
async function committedGroup (adapter, offsets) {
  const topic = unique('topic')
  const group = unique('group')
  await adapter.createTopic(topic, 3, {})
  await adapter.produce(topic, Array.from({ length: 30 }, (_, i) => record(i % 3, 'v')), { codec: 'none' })
  await adapter.commit(group, topic, offsets)
  return { topic, group }
}

async function commitOffsets (adapter) {
  const want = { 0: [3, ''], 1: [0, ''], 2: [10, ''] }
  const { topic, group } = await committedGroup(adapter, want)
  assert.deepEqual(await adapter.offsets(group, topic), want, 'committed')
  const seen = []
  const member = await adapter.member(topic, group, {
    assigner: adapter.assigners[0], assigned: () => {}, revoked: () => {}, saw: r => seen.push(r)
  })
  await until(() => seen.length === 17)
  await member.close()
  const first = p => seen.find(r => r.partition === p)?.offset
  assert.deepEqual([first(0), first(1), first(2)], [3, 0, undefined], 'first offsets read after the commit')
  assert.deepEqual(await adapter.offsets(unique('nobody'), topic), {}, 'committed by an unknown group')
}

async function commitMetadata (adapter) {
  const want = { 0: [3, 'three, with ümlauts'], 1: [0, ''], 2: [10, 'm'.repeat(4000)] }
  const { topic, group } = await committedGroup(adapter, want)
  assert.deepEqual(await adapter.offsets(group, topic), want, 'committed')
}

async function listGroups (adapter) {
  const { group } = await committedGroup(adapter, { 0: [1, ''] })
  assert.ok((await adapter.groups()).includes(group), 'the group is listed')
}

const describeGroup = adapter => new Group(adapter).use(async group => {
  const members = [await group.member('first'), await group.member('second')]
  await group.shares(3, 3)
  assert.deepEqual(await adapter.describeGroup(group.name), ['Stable', 2], 'group of two')
  for (const m of members) await m.close()
  assert.equal((await adapter.describeGroup(group.name))[1], 0, 'members of the group they left')
})

const deleteGroup = adapter => new Group(adapter).use(async group => {
  await group.produce(1)
  const member = await group.member('only')
  await group.allSeen()
  await refused(adapter, NON_EMPTY_GROUP, 'deleting a group with a member', () => adapter.deleteGroup(group.name))
  await member.close()
  await adapter.deleteGroup(group.name)
  assert.ok(!(await adapter.groups()).includes(group.name), 'the deleted group is not listed')
  await refused(adapter, GROUP_ID_NOT_FOUND, 'deleting it again', () => adapter.deleteGroup(group.name))
  assert.deepEqual(await adapter.offsets(group.name, group.topic), {}, 'committed by the deleted group')
})

async function alterGroupOffsets (adapter) {
  const { topic, group } = await committedGroup(adapter, { 0: [3, ''], 1: [4, ''] })
  await adapter.alterOffset(group, topic, 1, 9)
  const offsets = Object.entries(await adapter.offsets(group, topic)).map(([p, [offset]]) => [p, offset])
  assert.deepEqual(Object.fromEntries(offsets), { 0: 3, 1: 9 }, 'offsets as altered')
}

async function deleteGroupOffsets (adapter) {
  const { topic, group } = await committedGroup(adapter, { 0: [3, ''], 1: [4, ''] })
  await adapter.deleteOffset(group, topic, 1)
  assert.deepEqual(await adapter.offsets(group, topic), { 0: [3, ''] }, 'offsets after one is deleted')
  await new Group(adapter).use(async busy => {
    await busy.produce(1)
    await busy.member('only')
    await busy.allSeen()
    await refused(adapter, SUBSCRIBED, 'deleting an offset of a topic that is subscribed to',
      () => adapter.deleteOffset(busy.name, busy.topic, 0))
  })
}
