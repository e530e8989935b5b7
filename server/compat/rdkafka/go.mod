module moldau/server/compat/rdkafka

go 1.26.0

require github.com/confluentinc/confluent-kafka-go/v2 v2.11.1

require moldau/server/compat v0.0.0

replace moldau/server/compat => ..

replace moldau => ../../..
