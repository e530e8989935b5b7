// The checks every Node client goes through. What an adapter has to offer:
//
//   codecs, assignors    what the client has
//   lacks                {check: why the client cannot}, printed as absent
//   code(error)          Kafka's error code in what the client threw, or undefined
//   produce(topic, records, {codec, idempotent})
//                        returns when all are acknowledged
//   reader(topic, from, saw)
//                        reads on its own: from "earliest", "latest" or {partition: offset}
//   member(topic, group, {assigner, instance, assigned, revoked, saw})
//                        a group member that commits what it saw; assigned and revoked
//                        get partitions. Readers and members have close().
//   createTopic(topic, partitions, configs), deleteTopic(topic), topics(),
//   configs(topic), alterConfig(topic, name, value),
//   bounds(topic, partition), offsetForTime(topic, partition, ms)
//                        [first, end]; an offset, or the end where there is none
//   groups(), describeGroup(group), deleteGroup(group)
//                        describeGroup gives [state, number of members]
//   offsets(group, topic), alterOffset(group, topic, partition, offset),
//   deleteOffset(group, topic, partition)
//                        offsets are {partition: [offset, metadata]}
//   commit(group, topic, {partition: [offset, metadata]})
//                        as a consumer, not as an administrator
//
// A record is {partition, key, value, headers, timestamp, offset}: Buffers or null,
// headers an object. Offsets and timestamps are numbers.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { addGroupChecks } from './groups.mjs'
import { refused, settles, unique, until } from './suite.mjs'

const UNKNOWN_TOPIC = 3
const INVALID_TOPIC = 17
const TOPIC_EXISTS = 36
const INVALID_CONFIG = 40

export function addChecks (suite, adapter) {
  for (const [name, reason] of Object.entries(adapter.lacks)) console.log(`absent ${name}: ${reason}`)
  for (const codec of adapter.codecs) suite.check(`codec-${codec}`, () => roundTrip(adapter, { codec }))
  suite.check('idempotent-producer', () => roundTrip(adapter, { codec: 'none', idempotent: true }))
  suite.check('auto-created-topic', () => autoCreated(adapter))
  suite.check('large-batches', () => largeBatches(adapter))
  suite.check('seek', () => seek(adapter))
  suite.check('offsets-for-times', () => offsetsForTimes(adapter))
  suite.check('topics', () => topics(adapter))
  suite.check('configs', () => configs(adapter))
  addGroupChecks(suite, adapter)
}

// The same bytes in every run.
function bytes (length, seed) {
  const blocks = []
  for (let i = 0; i * 32 < length; i++) blocks.push(createHash('sha256').update(`${seed} ${i}`).digest())
  return Buffer.concat(blocks).subarray(0, length)
}

// Records of every shape: null and empty keys and values, headers.
function samples () {
  const shapes = [null, Buffer.alloc(0), Buffer.from('short'), bytes(300, 1), bytes(20_000, 2), Buffer.alloc(50_000, 'a')]
  const headers = [{}, { a: Buffer.from('1'), ü: Buffer.alloc(0) }, { trace: bytes(100, 3) }]
  const start = Date.now()
  return Array.from({ length: 120 }, (_, i) => ({
    partition: i % 3,
    key: shapes[i % 4],
    value: shapes[Math.floor(i / 2) % 6],
    headers: headers[Math.floor(i / 3) % 3],
    timestamp: start + i
  }))
}

// Time stamps are of today: retention soon takes older records away.
export const record = (partition, value, timestamp = Date.now()) =>
  ({ partition, key: null, value: Buffer.from(value), headers: {}, timestamp })

// Reads this many records, and leaves.
async function read (adapter, topic, from, count) {
  const got = []
  const reader = await adapter.reader(topic, from, r => got.push(r))
  try {
    await until(() => got.length >= count)
  } finally {
    await reader.close()
  }
  return got
}

function assertSame (got, want) {
  for (const p of new Set(want.map(r => r.partition))) {
    const expected = want.filter(r => r.partition === p).map((r, offset) => ({ ...r, offset }))
    assert.deepEqual(got.filter(r => r.partition === p), expected, `records of partition ${p}`)
  }
}

async function roundTrip (adapter, options) {
  const topic = unique('codec')
  const want = samples()
  await adapter.createTopic(topic, 3, {})
  await adapter.produce(topic, want, options)
  assertSame(await read(adapter, topic, 'earliest', want.length), want)
}

async function autoCreated (adapter) {
  const topic = unique('auto')
  const want = [record(0, 'v')]
  await adapter.produce(topic, want, { codec: 'none' })
  assertSame(await read(adapter, topic, 'earliest', 1), want)
}

// A MiB a partition and more, so that a fetch answers in several parts.
async function largeBatches (adapter) {
  const topic = unique('large')
  const want = Array.from({ length: 900 }, (_, i) => record(i % 3, bytes(10_000, i)))
  await adapter.createTopic(topic, 3, {})
  for (let i = 0; i < want.length; i += 90) {
    await adapter.produce(topic, want.slice(i, i + 90), { codec: 'gzip' })
  }
  assertSame(await read(adapter, topic, 'earliest', want.length), want)
}

// Partition 0 holds ten records, a second apart from 1,000,000 ms on; partition 1 none.
async function timedTopic (adapter) {
  const topic = unique('timed')
  const records = Array.from({ length: 10 }, (_, i) => record(0, `${i}`, 1_000_000 + 1000 * i))
  await adapter.createTopic(topic, 2, { 'retention.ms': '-1' })
  await adapter.produce(topic, records, { codec: 'none' })
  return topic
}

async function seek (adapter) {
  const topic = await timedTopic(adapter)
  const offsets = async (from, count) => (await read(adapter, topic, from, count)).map(r => r.offset)
  const upTo = (first, end) => Array.from({ length: end - first }, (_, i) => first + i)
  assert.deepEqual(await offsets('earliest', 10), upTo(0, 10), 'from the beginning')
  assert.deepEqual(await offsets({ 0: 7, 1: 0 }, 3), upTo(7, 10), 'from 7')
  const atTime = await adapter.offsetForTime(topic, 0, 1_004_500)
  assert.deepEqual(await offsets({ 0: atTime, 1: 0 }, 5), upTo(5, 10), 'from a time')

  const late = []
  const reader = await adapter.reader(topic, 'latest', r => late.push(r.value.toString()))
  // Nothing tells when a reader has looked up the end: it sees some of these, and nothing older.
  await until(async () => {
    await adapter.produce(topic, [record(0, 'late', 2_000_000)], { codec: 'none' })
    return late.length > 0
  })
  await reader.close()
  assert.deepEqual([...new Set(late)], ['late'], 'from the end')
}

async function offsetsForTimes (adapter) {
  const topic = await timedTopic(adapter)
  for (const [ms, want] of [[0, 0], [1_000_000, 0], [1_000_001, 1], [1_008_999, 9]]) {
    assert.equal(await adapter.offsetForTime(topic, 0, ms), want, `offset for time ${ms}`)
  }
  assert.deepEqual(await adapter.bounds(topic, 0), [0, 10], 'bounds')
  assert.deepEqual(await adapter.bounds(topic, 1), [0, 0], 'bounds of the empty partition')
}

async function topics (adapter) {
  const topic = unique('topics')
  const listed = async () => (await adapter.topics()).includes(topic)
  await adapter.createTopic(topic, 6, {})
  await settles(listed, true, 'the new topic is listed')
  await refused(adapter, TOPIC_EXISTS, 'creating it again', () => adapter.createTopic(topic, 1, {}))
  await refused(adapter, INVALID_TOPIC, 'a bad name', () => adapter.createTopic('no/slash', 1, {}))
  await refused(adapter, INVALID_CONFIG, 'a bad config', () => adapter.createTopic(unique('bad'), 1, { 'retention.ms': 'soon' }))
  await adapter.deleteTopic(topic)
  await settles(listed, false, 'the deleted topic is listed')
  await refused(adapter, UNKNOWN_TOPIC, 'deleting it again', () => adapter.deleteTopic(topic))
}

async function configs (adapter) {
  const topic = unique('configs')
  const config = async name => (await adapter.configs(topic))[name]
  await adapter.createTopic(topic, 1, { 'retention.ms': '123456789', 'cleanup.policy': 'compact' })
  await settles(() => config('retention.ms'), '123456789', 'retention.ms as created')
  assert.equal(await config('cleanup.policy'), 'compact', 'cleanup.policy as created')
  assert.equal(await config('compression.type'), 'producer', 'compression.type by default')
  await adapter.alterConfig(topic, 'max.message.bytes', '7777777')
  await settles(() => config('max.message.bytes'), '7777777', 'config as altered')
  await refused(adapter, INVALID_CONFIG, 'a bad value', () => adapter.alterConfig(topic, 'retention.ms', 'soon'))
}
