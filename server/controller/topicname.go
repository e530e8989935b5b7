package controller

// topicNameBytesMax leaves room for a partition's number in a directory's name
// of 255 bytes.
const topicNameBytesMax = 249

// clusterMetadataTopic is the name of Kafka's own metadata log, which its
// tools and directories take for nothing else.
const clusterMetadataTopic = "__cluster_metadata"

// CheckTopicName reports what is wrong with a topic's name: ErrInvalidTopic.
func CheckTopicName(name string) error {
	var reason string
	switch {
	case name == "":
		reason = "the empty string is not allowed"
	case name == "." || name == "..":
		reason = "'" + name + "' is not allowed"
	case len(name) > topicNameBytesMax:
		return Refuse(ErrInvalidTopic, "Topic name is invalid: the length of '%s' is longer than the max allowed length %d", name, topicNameBytesMax)
	case !legal(name):
		reason = "'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	default:
		return nil
	}
	return Refuse(ErrInvalidTopic, "Topic name is invalid: %s", reason)
}

func legal(name string) bool {
	for n := range len(name) {
		switch c := name[n]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
