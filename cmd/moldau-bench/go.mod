module moldau/cmd/moldau-bench

go 1.26.0

replace (
	moldau => ../..
	moldau/bench => ../../bench
	moldau/server/compat => ../../server/compat
)

require (
	github.com/spf13/cobra v1.10.2
	github.com/spf13/pflag v1.1.0
	moldau/bench v0.0.0-00010101000000-000000000000
)

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0 // indirect
	github.com/edsrzf/mmap-go v1.2.0 // indirect
	github.com/google/btree v1.1.3 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	github.com/twmb/franz-go v1.22.2 // indirect
	github.com/twmb/franz-go/pkg/kadm v1.19.0 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.15.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	moldau v0.0.0 // indirect
	moldau/server/compat v0.0.0 // indirect
)
