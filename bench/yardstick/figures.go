package yardstick

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Save keeps a report as NAME-TIME.json and says where.
func Save(dir, name string, at time.Time, report any) error {
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, name+"-"+at.Format("20060102-150405")+".json")
	fmt.Println("raw figures:", file)
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// Values are one figure of every block.
func Values[B any](blocks []B, of func(B) float64) []float64 {
	v := make([]float64, len(blocks))
	for i, b := range blocks {
		v[i] = of(b)
	}
	return v
}

// Median of an even count is the mean of the middle two.
func Median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}
