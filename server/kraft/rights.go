package kraft

import (
	"fmt"
	"slices"
	"strings"
)

// What concerns users and their rights is read as far as needed to name it.

var scramMechanisms = map[int8]string{1: "SCRAM-SHA-256", 2: "SCRAM-SHA-512"}

func scramName(user string, mechanism int8) string {
	if name, ok := scramMechanisms[mechanism]; ok {
		return user + " " + name
	}
	return fmt.Sprintf("%s mechanism %d", user, mechanism)
}

func readUserScram(r *reader, _ uint32) change {
	name := scramName(r.string(), r.int8())
	for range 3 { // salt and keys
		r.take(r.length())
	}
	r.int32() // iterations
	r.tagged(nil)
	return func(i *Image) error { i.ScramUsers[name] = true; return nil }
}

func readRemoveUserScram(r *reader, _ uint32) change {
	name := scramName(r.string(), r.int8())
	r.tagged(nil)
	return func(i *Image) error { delete(i.ScramUsers, name); return nil }
}

func readDelegationToken(r *reader, _ uint32) change {
	r.string() // owner
	r.string() // requester
	for n := r.count(1); n > 0 && r.err == nil; n-- {
		r.string() // renewer
	}
	for range 3 { // times
		r.int64()
	}
	id := r.string()
	r.tagged(nil)
	return func(i *Image) error { i.DelegationTokens[id] = true; return nil }
}

func readRemoveDelegationToken(r *reader, _ uint32) change {
	id := r.string()
	r.tagged(nil)
	return func(i *Image) error { delete(i.DelegationTokens, id); return nil }
}

func readAccessControlEntry(r *reader, _ uint32) change {
	id := r.uuid()
	r.int8() // resource type
	resource := r.string()
	r.int8() // pattern type
	principal := r.string()
	r.string() // host
	r.int8()   // operation
	r.int8()   // permission
	r.tagged(nil)
	return func(i *Image) error { i.ACLs[id] = principal + " on " + resource; return nil }
}

func readRemoveAccessControlEntry(r *reader, _ uint32) change {
	id := r.uuid()
	r.tagged(nil)
	return func(i *Image) error { delete(i.ACLs, id); return nil }
}

func readClientQuota(r *reader, _ uint32) change {
	var entity []string
	for n := r.count(3); n > 0 && r.err == nil; n-- {
		kind, name := r.string(), r.nullableString()
		r.tagged(nil)
		if name == nil {
			entity = append(entity, kind+" (default)")
		} else {
			entity = append(entity, kind+" "+*name)
		}
	}
	key := r.string()
	r.float64() // value
	remove := r.bool()
	r.tagged(nil)
	slices.Sort(entity)
	quota := key + " of " + strings.Join(entity, ", ")
	return func(i *Image) error {
		if i.Quotas[quota] = true; remove {
			delete(i.Quotas, quota)
		}
		return nil
	}
}
