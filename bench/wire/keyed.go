package wire

import (
	"fmt"
	"math/rand/v2"
	"time"

	"moldau/logstore/record"
)

// KeyedBatch is a batch of so many records with values of recordBytes, whose keys
// are drawn from as many as there are. All batches of one shape have one size.
func KeyedBatch(recordBytes, records, keys int, seed uint64) ([]byte, error) {
	random := rand.New(rand.NewPCG(seed, 3))
	b := record.NewBuilder(record.BuilderOptions{})
	now := time.Now().UnixMilli()
	value := make([]byte, recordBytes)
	for range records {
		for i := range value {
			value[i] = byte(random.Uint32())
		}
		b.Append(now, fmt.Appendf(nil, "key-%08d", random.IntN(keys)), value)
	}
	return b.Finish()
}
