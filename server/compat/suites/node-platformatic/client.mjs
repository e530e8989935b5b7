// @platformatic/kafka through the checks.
import { addChecks } from '../../node/checks.mjs'
import { broker, load, settles, Suite, unique } from '../../node/suite.mjs'

const kafka = await load('@platformatic/kafka')
const { Admin, Consumer, ConfigResourceTypes, Producer, compressionsAlgorithms } = kafka

const base = { clientId: 'checks', bootstrapBrokers: [broker], retries: 3, retryDelay: 100 }
const admin = new Admin(base)

function recordOf (m) {
  const headers = Object.fromEntries([...m.headers].map(([name, value]) => [name.toString(), value]))
  // It gives undefined for null.
  return {
    partition: m.partition, key: m.key ?? null, value: m.value ?? null, headers, timestamp: Number(m.timestamp), offset: Number(m.offset)
  }
}

function join (group, instance) {
  return new Consumer({
    ...base,
    groupId: group,
    groupInstanceId: instance,
    sessionTimeout: 10_000,
    rebalanceTimeout: 10_000,
    heartbeatInterval: 300,
    maxWaitTime: 200,
    autocommit: false,
    metadataMaxAge: 0
  })
}

const adapter = {
  codecs: Object.keys(compressionsAlgorithms).filter(name => compressionsAlgorithms[name].available),
  assigners: ['roundrobin'],
  lacks: {
    'rebalance-cooperative': 'it has no cooperative assigner',
    'static-members': 'a member leaves its group when it is closed, also one with an instance id',
    'commit-metadata': 'its commits carry no metadata'
  },

  code: e => [e, ...(e.errors ?? [])].map(c => c.apiCode ?? c.errors?.[0]?.apiCode).find(c => typeof c === 'number'),

  async produce (topic, records, { codec, idempotent = false }) {
    const producer = new Producer({ ...base, idempotent, autocreateTopics: true })
    try {
      const messages = records.map(r => ({
        ...r,
        topic,
        headers: new Map(Object.entries(r.headers).map(([name, value]) => [Buffer.from(name), value])),
        timestamp: BigInt(r.timestamp)
      }))
      await producer.send({ messages, compression: codec, acks: -1 })
    } finally {
      await producer.close()
    }
  },

  async reader (topic, from, saw) {
    const consumer = join(unique('reader'))
    const where = typeof from === 'string'
      ? { mode: from }
      : { mode: 'manual', offsets: Object.entries(from).map(([p, o]) => ({ topic, partition: Number(p), offset: BigInt(o) })) }
    const stream = await consumer.consume({ topics: [topic], ...where })
    stream.on('data', m => saw(recordOf(m)))
    return { close: () => consumer.close(true) }
  },

  async member (topic, group, { instance, assigned, revoked, saw }) {
    const consumer = join(group, instance)
    consumer.on('consumer:group:rebalance', revoked)
    consumer.on('consumer:group:join', ({ assignments }) =>
      assigned(assignments?.find(a => a.topic === topic)?.partitions ?? []))
    const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
    stream.on('data', m => {
      saw(recordOf(m))
      // A commit that meets a rebalance is refused; whoever gets the partition reads the record again.
      m.commit(() => {})
    })
    return {
      async close () {
        revoked()
        await consumer.close(true)
      }
    }
  },

  async commit (group, topic, offsets) {
    const consumer = join(group)
    try {
      await consumer.consume({ topics: [topic], mode: 'latest' })
      await consumer.commit({
        offsets: Object.entries(offsets).map(([partition, [offset]]) =>
          ({ topic, partition: Number(partition), offset: BigInt(offset), leaderEpoch: 0 }))
      })
    } finally {
      await consumer.close(true)
    }
  },

  async createTopic (topic, partitions, configs) {
    await admin.createTopics({
      topics: [topic], partitions, replicas: 1, configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
    })
    // A real Kafka answers before the partitions have leaders, and this client does not wait for them:
    // it sends anew also what other partitions took.
    for (let p = 0; p < partitions; p++) await settles(() => listed(topic, p, -2), 0n, `start of partition ${p}`)
  },
  deleteTopic: topic => admin.deleteTopics({ topics: [topic] }),
  topics: () => admin.listTopics(),

  async configs (topic) {
    const [{ configs }] = await admin.describeConfigs({
      resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }]
    })
    return Object.fromEntries(configs.map(c => [c.name, c.value]))
  },
  alterConfig: (topic, name, value) => admin.incrementalAlterConfigs({
    resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: [{ name, configOperation: 0, value }] }]
  }),

  async bounds (topic, partition) {
    const at = async timestamp => Number(await listed(topic, partition, timestamp))
    return [await at(-2), await at(-1)]
  },
  offsetForTime: async (topic, partition, ms) => Number(await listed(topic, partition, ms)),

  groups: async () => [...(await admin.listGroups()).keys()],
  async describeGroup (group) {
    const found = (await admin.describeGroups({ groups: [group] })).get(group)
    return [found.state.toLowerCase().replace(/^./, c => c.toUpperCase()), found.members.size]
  },
  deleteGroup: group => admin.deleteGroups({ groups: [group] }),

  async offsets (group, topic) {
    const [found] = await admin.listConsumerGroupOffsets({ groups: [group] })
    const partitions = found.topics.find(t => t.name === topic)?.partitions ?? []
    return Object.fromEntries(partitions.map(p => [p.partitionIndex, [Number(p.committedOffset), p.metadata ?? '']]))
  },
  alterOffset: (group, topic, partition, offset) => admin.alterConsumerGroupOffsets({
    groupId: group, topics: [{ name: topic, partitionOffsets: [{ partition, offset: BigInt(offset) }] }]
  }),
  deleteOffset: (group, topic, partition) => admin.deleteConsumerGroupOffsets({
    groupId: group, topics: [{ name: topic, partitionIndexes: [partition] }]
  })
}

async function listed (topic, partition, timestamp) {
  const [found] = await admin.listOffsets({
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: BigInt(timestamp) }] }]
  })
  return found.partitions[0].offset
}

if (!adapter.codecs.includes('zstd')) adapter.lacks['codec-zstd'] = `Node ${process.version} has no zstd`

const suite = new Suite()
addChecks(suite, adapter)
await suite.run(process.argv[2])
