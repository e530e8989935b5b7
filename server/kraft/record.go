package kraft

import "math"

// Types of records, Kafka's numbers.
const (
	typeRegisterBroker           = 0
	typeUnregisterBroker         = 1
	typeTopic                    = 2
	typePartition                = 3
	typeConfig                   = 4
	typePartitionChange          = 5
	typeFenceBroker              = 7
	typeUnfenceBroker            = 8
	typeRemoveTopic              = 9
	typeDelegationToken          = 10
	typeUserScram                = 11
	typeFeatureLevel             = 12
	typeClientQuota              = 14
	typeProducerIDs              = 15
	typeBrokerRegistrationChange = 17
	typeAccessControlEntry       = 18
	typeRemoveAccessControlEntry = 19
	typeNoOp                     = 20
	typeZkMigrationState         = 21
	typeRemoveUserScram          = 22
	typeBeginTransaction         = 23
	typeEndTransaction           = 24
	typeAbortTransaction         = 25
	typeRemoveDelegationToken    = 26
	typeRegisterController       = 27
	typeClearElr                 = 28
)

const frameVersion = 1

// versionMax is the newest version of each type in Kafka 4.3; what is not in it
// is unknown.
var versionMax = map[uint32]uint32{
	typeRegisterBroker: 4, typeUnregisterBroker: 0, typeTopic: 0, typePartition: 2, typeConfig: 0, typePartitionChange: 2,
	typeFenceBroker: 0, typeUnfenceBroker: 0, typeRemoveTopic: 0, typeDelegationToken: 0, typeUserScram: 0, typeFeatureLevel: 0,
	typeClientQuota: 0, typeProducerIDs: 0, typeBrokerRegistrationChange: 3, typeAccessControlEntry: 0, typeRemoveAccessControlEntry: 0,
	typeNoOp: 0, typeZkMigrationState: 0, typeRemoveUserScram: 0, typeBeginTransaction: 0, typeEndTransaction: 0,
	typeAbortTransaction: 0, typeRemoveDelegationToken: 0, typeRegisterController: 0, typeClearElr: 0,
}

// change is what one record does to an image; nil does nothing.
type change func(*Image) error

// decode reads one record that fills b. transaction is its type where it begins,
// ends or aborts a transaction of the controller's, else -1.
func decode(b []byte) (c change, transaction int, err error) {
	r := &reader{b: b, size: len(b)}
	if f := r.uvarint(); r.err == nil && f != frameVersion {
		r.fail("frame version %d, known is %d", f, frameVersion)
	}
	kind, version := r.uvarint(), r.uvarint()
	newest, known := versionMax[kind]
	switch {
	case r.err != nil:
		return nil, -1, r.err
	case !known:
		r.fail("type %d is unknown, a newer Kafka may have written it", kind)
		return nil, -1, r.err
	case version > newest:
		r.fail("version %d of type %d is unknown, a newer Kafka may have written it", version, kind)
		return nil, -1, r.err
	}
	transaction = -1
	switch kind {
	case typeBeginTransaction, typeEndTransaction, typeAbortTransaction:
		return nil, int(kind), nil
	}
	read := changes[kind]
	if read == nil {
		return nil, -1, nil
	}
	c = read(r, version)
	if r.err == nil && len(r.b) > 0 {
		r.fail("%d bytes behind the end of a record of type %d", len(r.b), kind)
	}
	return c, -1, r.err
}

// changes reads the types that are not read over.
var changes = map[uint32]func(r *reader, version uint32) change{
	typeRegisterBroker:           readRegisterBroker,
	typeUnregisterBroker:         readUnregisterBroker,
	typeTopic:                    readTopic,
	typePartition:                readPartition,
	typeConfig:                   readConfig,
	typePartitionChange:          readPartitionChange,
	typeRemoveTopic:              readRemoveTopic,
	typeDelegationToken:          readDelegationToken,
	typeUserScram:                readUserScram,
	typeFeatureLevel:             readFeatureLevel,
	typeClientQuota:              readClientQuota,
	typeProducerIDs:              readProducerIDs,
	typeAccessControlEntry:       readAccessControlEntry,
	typeRemoveAccessControlEntry: readRemoveAccessControlEntry,
	typeRemoveUserScram:          readRemoveUserScram,
	typeRemoveDelegationToken:    readRemoveDelegationToken,
}

func readRegisterBroker(r *reader, version uint32) change {
	id := r.int32()
	if version >= 2 {
		r.bool() // migrating from ZooKeeper
	}
	r.uuid() // incarnation
	epoch := r.int64()
	for n := r.count(6); n > 0 && r.err == nil; n-- { // endpoints
		r.string()
		r.string()
		r.int16()
		r.int16()
		r.tagged(nil)
	}
	for n := r.count(6); n > 0 && r.err == nil; n-- { // features
		r.string()
		r.int16()
		r.int16()
		r.tagged(nil)
	}
	r.nullableString() // rack
	r.bool()           // fenced
	if version >= 1 {
		r.bool() // in controlled shutdown
	}
	r.tagged(nil)
	return func(i *Image) error { i.Brokers[id] = epoch; return nil }
}

func readUnregisterBroker(r *reader, _ uint32) change {
	id := r.int32()
	r.int64() // epoch
	r.tagged(nil)
	return func(i *Image) error { delete(i.Brokers, id); return nil }
}

func readTopic(r *reader, _ uint32) change {
	name, id := r.string(), r.uuid()
	r.tagged(nil)
	return func(i *Image) error { return i.addTopic(name, id) }
}

func readRemoveTopic(r *reader, _ uint32) change {
	id := r.uuid()
	r.tagged(nil)
	return func(i *Image) error { return i.removeTopic(id) }
}

func readPartition(r *reader, version uint32) change {
	number, topic := r.int32(), r.uuid()
	p := Partition{Replicas: r.int32s(), ISR: r.int32s()}
	r.int32s() // being removed
	r.int32s() // being added
	p.Leader, p.LeaderEpoch, p.PartitionEpoch = r.int32(), r.int32(), r.int32()
	if version >= 1 {
		r.uuids() // directories
	}
	r.tagged(func(tag uint32, field *reader) {
		if tag == 1 {
			p.ELR = field.int32s()
		}
	})
	return func(i *Image) error { return i.putPartition(topic, number, p) }
}

// noLeaderChange stands in a change of a partition for the leader it has.
const noLeaderChange = -2

func readPartitionChange(r *reader, _ uint32) change {
	number, topic := r.int32(), r.uuid()
	leader := int32(noLeaderChange)
	var isr, replicas, elr []int32
	r.tagged(func(tag uint32, field *reader) {
		switch tag {
		case 0:
			isr = field.int32s()
		case 1:
			leader = field.int32()
		case 2:
			replicas = field.int32s()
		case 6:
			elr = field.int32s()
		}
	})
	return func(i *Image) error {
		p, err := i.partition(topic, number)
		if err != nil {
			return err
		}
		if isr != nil {
			p.ISR = isr
		}
		if replicas != nil {
			p.Replicas = replicas
		}
		if elr != nil {
			p.ELR = elr
		}
		if leader != noLeaderChange {
			p.Leader = leader
			p.LeaderEpoch++
		}
		p.PartitionEpoch++
		return nil
	}
}

func readConfig(r *reader, _ uint32) change {
	of := Resource{Type: r.int8(), Name: r.string()}
	key, value := r.string(), r.nullableString()
	r.tagged(nil)
	return func(i *Image) error { i.setConfig(of, key, value); return nil }
}

func readFeatureLevel(r *reader, _ uint32) change {
	name, level := r.string(), r.int16()
	r.tagged(nil)
	return func(i *Image) error {
		if i.Features[name] = level; level == 0 {
			delete(i.Features, name)
		}
		return nil
	}
}

func readProducerIDs(r *reader, _ uint32) change {
	r.int32() // broker
	r.int64() // its epoch
	next := r.int64()
	if next < 0 || next == math.MaxInt64 {
		r.fail("next producer id %d", next)
	}
	r.tagged(nil)
	return func(i *Image) error { i.NextProducerID = next; return nil }
}
