package interchange

import (
	"moldau/logstore/vfs"
	"moldau/server/kraft"
)

// importedSuffix is added to meta.properties of a source that was moved: without
// that file Kafka does not start, and so does not create empty what is gone.
const importedSuffix = ".imported"

// retire takes the source out of service, then removes the files that the target
// has. What else is there stays.
func (s *source) retire(p *importPlan) error {
	for _, d := range s.dirs {
		if err := retireDir(d.fsys); err != nil {
			return err
		}
	}
	for _, at := range p.taken {
		if err := at.remove(at.from); err != nil {
			return err
		}
	}
	return nil
}

func retireDir(fsys *vfs.OS) error {
	if err := fsys.Rename(kraft.MetaPropertiesFile, kraft.MetaPropertiesFile+importedSuffix); err != nil {
		return err
	}
	return fsys.SyncDir(".")
}
