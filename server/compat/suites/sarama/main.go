package main

import (
	_ "github.com/IBM/sarama"

	_ "moldau/server/compat/suite"
)

func main() {}
