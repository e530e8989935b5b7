package system

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const unknown = "unknown"

// pinned finds the version in the list of jars that server/compat/kafka installs.
var pinned = regexp.MustCompile(`<artifactId>kafka_[0-9.]+</artifactId><version>([^<]+)</version>`)

// Revision is the commit that a Go program was built of, "+dirty" where files differed
// from it: a program that was given may be of another than the work tree's.
func Revision(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return unknown
	}
	revision, dirty := unknown, ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 7)]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	return revision + dirty
}

// KafkaVersion is that of the broker which would be started, "unknown" if neither
// its jars nor the list of them can be found.
func KafkaVersion() string {
	if libs := os.Getenv("MOLDAU_KAFKA_LIBS"); libs != "" {
		jars, _ := filepath.Glob(filepath.Join(libs, "kafka_2.*-[0-9]*.jar"))
		if len(jars) == 1 {
			name := strings.TrimSuffix(filepath.Base(jars[0]), ".jar")
			return name[strings.LastIndexByte(name, '-')+1:]
		}
		return unknown
	}
	pom, err := os.ReadFile(filepath.Join(os.Getenv("MOLDAU_COMPAT"), "kafka", "pom.xml"))
	if err != nil {
		return unknown
	}
	if found := pinned.FindSubmatch(pom); found != nil {
		return string(found[1])
	}
	return unknown
}
