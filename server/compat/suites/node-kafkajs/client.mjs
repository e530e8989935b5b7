// kafkajs through the checks. Whatever reads is a group member: it has no other consumer.
import { addChecks } from '../../node/checks.mjs'
import { broker, load, Suite, unique } from '../../node/suite.mjs'

const { default: kafkajs } = await load('kafkajs')
const { default: snappy } = await load('kafkajs-snappy')

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, PartitionAssigners, logLevel } = kafkajs
CompressionCodecs[CompressionTypes.Snappy] = snappy

const client = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 8 } })
// Deleting what is not there is tried again until the retries are used up.
const admin = client.admin({ retry: { initialRetryTime: 20, retries: 3 } })
await admin.connect()

const assigners = { roundrobin: PartitionAssigners.roundRobin }
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy }

function recordOf (partition, m) {
  return {
    partition, key: m.key, value: m.value, headers: m.headers, timestamp: Number(m.timestamp), offset: Number(m.offset)
  }
}

// Joins and calls batch for each batch that arrives.
async function join (topic, group, { fromBeginning, assigner, assigned, revoked, batch }) {
  const consumer = client.consumer({
    groupId: group,
    partitionAssigners: [assigners[assigner ?? 'roundrobin']],
    sessionTimeout: 10_000,
    rebalanceTimeout: 10_000,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 200
  })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => assigned?.(payload.memberAssignment[topic] ?? []))
  consumer.on(consumer.events.REBALANCING, () => revoked?.())
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning })
  await consumer.run({ autoCommit: false, eachBatch: ({ batch: b }) => batch(consumer, b) })
  return consumer
}

const adapter = {
  codecs: Object.keys(codecs),
  assigners: Object.keys(assigners),
  lacks: {
    'codec-lz4': 'kafkajs leaves it to a plugin that compiles C',
    'codec-zstd': 'kafkajs leaves it to a plugin that compiles C',
    'rebalance-cooperative': 'kafkajs has no cooperative assigner',
    'static-members': 'kafkajs knows none',
    'delete-group-offsets': 'kafkajs has no call for it'
  },

  code: e => [e, e.cause, e.errors?.[0], e.groups?.[0]?.error].find(c => typeof c?.code === 'number')?.code,

  async produce (topic, records, { codec, idempotent = false }) {
    const producer = client.producer({ idempotent, allowAutoTopicCreation: true })
    await producer.connect()
    try {
      const messages = records.map(r => ({ ...r, timestamp: `${r.timestamp}` }))
      await producer.send({ topic, messages, compression: codecs[codec], acks: -1 })
    } finally {
      await producer.disconnect()
    }
  },

  async reader (topic, from, saw) {
    const consumer = await join(topic, unique('reader'), {
      fromBeginning: from === 'earliest',
      batch: async (_, b) => b.messages.forEach(m => saw(recordOf(b.partition, m)))
    })
    if (typeof from === 'object') {
      for (const [partition, offset] of Object.entries(from)) {
        consumer.seek({ topic, partition: Number(partition), offset: `${offset}` })
      }
    }
    return { close: () => consumer.disconnect() }
  },

  async member (topic, group, { assigner, assigned, revoked, saw }) {
    const consumer = await join(topic, group, {
      fromBeginning: true,
      assigner,
      assigned,
      revoked,
      batch: async (self, b) => {
        b.messages.forEach(m => saw(recordOf(b.partition, m)))
        await self.commitOffsets([{ topic, partition: b.partition, offset: `${Number(b.lastOffset()) + 1}` }])
      }
    })
    return {
      async close () {
        revoked()
        await consumer.disconnect()
      }
    }
  },

  async commit (group, topic, offsets) {
    let joined
    const assigned = new Promise(resolve => { joined = resolve })
    const consumer = await join(topic, group, { fromBeginning: false, assigned: joined, batch: async () => {} })
    try {
      await assigned
      await consumer.commitOffsets(Object.entries(offsets).map(([partition, [offset, metadata]]) =>
        ({ topic, partition: Number(partition), offset: `${offset}`, metadata })))
    } finally {
      await consumer.disconnect()
    }
  },

  async createTopic (topic, partitions, configs) {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const made = await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }]
    })
    // It swallows this one error and only says that nothing was made.
    if (!made) throw Object.assign(new Error('the topic exists'), { code: 36 })
  },
  deleteTopic: topic => admin.deleteTopics({ topics: [topic] }),
  topics: () => admin.listTopics(),

  async configs (topic) {
    const { resources } = await admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] })
    return Object.fromEntries(resources[0].configEntries.map(e => [e.configName, e.configValue]))
  },
  alterConfig: (topic, name, value) => admin.alterConfigs({
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }]
  }),

  async bounds (topic, partition) {
    const found = (await admin.fetchTopicOffsets(topic)).find(o => o.partition === partition)
    return [Number(found.low), Number(found.high)]
  },
  async offsetForTime (topic, partition, ms) {
    const found = await admin.fetchTopicOffsetsByTimestamp(topic, ms)
    return Number(found.find(o => o.partition === partition).offset)
  },

  groups: async () => (await admin.listGroups()).groups.map(g => g.groupId),
  async describeGroup (group) {
    const { groups: [found] } = await admin.describeGroups([group])
    return [found.state, found.members.length]
  },
  deleteGroup: group => admin.deleteGroups([group]),

  async offsets (group, topic) {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    return Object.fromEntries(found.partitions.filter(p => Number(p.offset) >= 0)
      .map(p => [p.partition, [Number(p.offset), p.metadata ?? '']]))
  },
  alterOffset: (group, topic, partition, offset) =>
    admin.setOffsets({ groupId: group, topic, partitions: [{ partition, offset: `${offset}` }] })
}

const suite = new Suite()
addChecks(suite, adapter)
await suite.run(process.argv[2])
