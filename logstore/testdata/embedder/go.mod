// A program that embeds the engine, and takes no more than it needs.
module embedder

go 1.26.0

require moldau v0.0.0

require (
	github.com/edsrzf/mmap-go v1.2.0 // indirect
	github.com/google/btree v1.1.3 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/pierrec/lz4/v4 v4.1.33 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace moldau => ../../..
