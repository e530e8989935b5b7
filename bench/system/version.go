package system

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// pinned finds the version in the list of jars that server/compat/kafka installs.
var pinned = regexp.MustCompile(`<artifactId>kafka_[0-9.]+</artifactId><version>([^<]+)</version>`)

// KafkaVersion is that of the broker which would be started, "unknown" if neither
// its jars nor the list of them can be found.
func KafkaVersion() string {
	if libs := os.Getenv("MOLDAU_KAFKA_LIBS"); libs != "" {
		jars, _ := filepath.Glob(filepath.Join(libs, "kafka_2.*-[0-9]*.jar"))
		if len(jars) == 1 {
			name := strings.TrimSuffix(filepath.Base(jars[0]), ".jar")
			return name[strings.LastIndexByte(name, '-')+1:]
		}
		return "unknown"
	}
	pom, err := os.ReadFile(filepath.Join(os.Getenv("MOLDAU_COMPAT"), "kafka", "pom.xml"))
	if err != nil {
		return "unknown"
	}
	if found := pinned.FindSubmatch(pom); found != nil {
		return string(found[1])
	}
	return "unknown"
}
