package interchange

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"moldau/logstore"
	"moldau/logstore/vfs"
	"moldau/server/controller"
	"moldau/server/kraft"
	"moldau/server/metadata"
)

// Where the controller of an export is said to listen. A node that becomes leader
// puts its own address there.
const (
	controllerListener = "CONTROLLER"
	controllerHost     = "localhost"
	controllerPort     = 9093
)

// exportedEpoch is the broker epoch in which the node is said to have been closed
// cleanly. A broker that does not know its last one counts as crashed, and with
// eligible leader replicas its partitions get no leader.
const exportedEpoch = 0

const exportReceipt = "moldau-export.json"

// Export makes target a log directory of Kafka's 4.3 of what a data directory
// holds that was closed cleanly. A Kafka with its node id that runs broker and
// controller in one process starts there. The receipt is returned with an error,
// too, as far as it came; it is kept in the target as
// moldau-export.json, which Kafka does not mind.
//
// Errors wrap ErrInUse, ErrSource, ErrTarget, ErrMissing, ErrDamaged, ErrUnclean,
// or are of the file system.
func Export(data, target string, o Options) (*Receipt, error) {
	data, target = filepath.Clean(data), filepath.Clean(target)
	r := newReceipt("export", target, &o, data)
	x, err := openData(data)
	if err != nil {
		return r, fmt.Errorf("%s: %w", data, err)
	}
	r.ClusterID, r.NodeID, r.Clean, r.NextProducerID = x.meta.ClusterID, x.meta.NodeID, true, x.img.NextProducerID()
	if err = x.plan(&o, r); err == nil {
		err = x.build(target, &o, r)
	}
	return r, errors.Join(err, x.Close())
}

// export is a data directory on its way to Kafka.
type export struct {
	data string
	fsys *vfs.OS
	lock io.Closer
	meta *kraft.MetaProperties
	img  *metadata.Image
	logs *logstore.Store // read-only

	// What is written.
	out             *kraft.Image
	recovery, start kraft.OffsetCheckpoint
	high, cleaner   kraft.OffsetCheckpoint
	taken           []*partition
}

// openData locks a data directory and reads it.
func openData(data string) (_ *export, err error) {
	if there, err := exists(filepath.Join(data, dataLogs)); err != nil || !there {
		return nil, errors.Join(fmt.Errorf("%w: it has no folder %s", ErrSource, dataLogs), err)
	}
	x := &export{data: data, out: kraft.NewImage(), recovery: kraft.OffsetCheckpoint{}, start: kraft.OffsetCheckpoint{}, high: kraft.OffsetCheckpoint{}}
	if x.fsys, err = vfs.OpenOS(data); err != nil {
		return nil, err
	}
	if err := x.open(); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func (x *export) open() (err error) {
	x.lock, err = x.fsys.Lock(dataLogs + "/" + lockFile)
	if errors.Is(err, vfs.ErrLocked) {
		return fmt.Errorf("%w: stop it first", ErrInUse)
	}
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if err := x.checkClean(); err != nil {
		return err
	}
	if x.meta, err = kraft.ReadMetaProperties(x.fsys, dataLogs); err != nil {
		return err
	}
	if x.meta == nil {
		return fmt.Errorf("%w: it has no %s/%s", ErrSource, dataLogs, kraft.MetaPropertiesFile)
	}
	if x.cleaner, err = kraft.ReadCheckpoint(x.fsys, dataLogs, kraft.CleanerOffsets); err != nil {
		return err
	}
	store, err := logstore.Open(metadataStore, logstore.Options{FS: x.fsys, ReadOnly: true, Manual: true})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	x.img, err = controller.ReadImage(store)
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	x.logs, err = logstore.Open(".", logstore.Options{FS: x.fsys, ReadOnly: true, Manual: true, Log: keep()})
	return err
}

// checkClean refuses what is not all in the logs' own files: the journal of a
// store that was killed holds records that Kafka would not see.
func (x *export) checkClean() error {
	for _, dir := range []string{dataLogs, metadataStore + "/logs"} {
		if _, err := x.fsys.Stat(dir + "/" + kraft.CleanShutdown); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: start a broker on it, stop it by Ctrl-C or SIGTERM, and try again", ErrUnclean)
		} else if err != nil {
			return err
		}
	}
	entries, err := x.fsys.ReadDir(dataOwn + "/journal")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%w: there is a journal, %s", ErrUnclean, entries[0].Name())
	}
	return err
}

// Close gives the data directory up.
func (x *export) Close() error {
	var errs []error
	if x.logs != nil {
		errs = append(errs, x.logs.Close())
	}
	if x.lock != nil {
		errs = append(errs, x.lock.Close())
	}
	return errors.Join(append(errs, x.fsys.Close())...)
}

func (x *export) build(target string, o *Options, r *Receipt) error {
	at, err := findTarget(target, x.data, filepath.Join(x.data, dataLogs))
	if err == nil && o.Method == Move {
		err = x.checkRetired(at.path)
	}
	if err != nil || o.DryRun {
		return err
	}
	b, err := beginBuild(at, filepath.Join(x.data, dataLogs))
	if err != nil {
		return err
	}
	if err := x.fill(b, o, r); err != nil {
		return errors.Join(err, b.abandon())
	}
	if err := b.finish(); err != nil {
		return err
	}
	if o.Method == Move {
		return x.retire()
	}
	return nil
}

func (x *export) fill(b *build, o *Options, r *Receipt) error {
	if err := b.bring(x.taken, o); err != nil {
		return err
	}
	for name, c := range map[string]kraft.OffsetCheckpoint{
		kraft.RecoveryPoints: x.recovery, kraft.StartOffsets: x.start, kraft.HighWatermarks: x.high, kraft.CleanerOffsets: x.kept(x.cleaner),
	} {
		if err := c.Write(b.fsys, ".", name); err != nil {
			return err
		}
	}
	if x.meta.DirectoryID == "" {
		x.meta.DirectoryID = kraft.NewDirectoryID()
	}
	directory, err := kraft.ParseUUID(x.meta.DirectoryID)
	if err != nil {
		return fmt.Errorf("%w: directory.id: %w", ErrSource, err)
	}
	x.out.Brokers[x.meta.NodeID], x.out.Directories[x.meta.NodeID] = exportedEpoch, directory
	voter := kraft.Voter{NodeID: x.meta.NodeID, DirectoryID: directory, Listener: controllerListener, Host: controllerHost, Port: controllerPort}
	err = kraft.Write(b.fsys, ".", x.out, voter, o.now().UnixMilli())
	if err == nil {
		err = b.narrow(filepath.Join(b.dir, kraft.MetadataDir), b.like)
	}
	if err != nil {
		return err
	}
	if err := kraft.WriteText(b.fsys, kraft.CleanShutdown, kraft.CleanText(exportedEpoch)); err != nil {
		return err
	}
	if err := x.meta.Write(b.fsys, "."); err != nil {
		return err
	}
	text, err := r.encode()
	if err != nil {
		return err
	}
	if err := kraft.WriteText(b.fsys, exportReceipt, text); err != nil {
		return err
	}
	return b.verify(o)
}

// kept is what a checkpoint says of logs that come along.
func (x *export) kept(c kraft.OffsetCheckpoint) kraft.OffsetCheckpoint {
	maps.DeleteFunc(c, func(tp logstore.TopicPartition, _ int64) bool { _, ok := x.recovery[tp]; return !ok })
	return c
}

// exportedSuffix is added to the name of a data directory that was moved: a
// broker that starts under the old name begins anew, instead of making empty what
// is gone.
const exportedSuffix = ".exported"

// checkRetired refuses to move where the source could not get its new name.
func (x *export) checkRetired(target string) error {
	old, err := filepath.Abs(x.data + exportedSuffix)
	if err != nil {
		return err
	}
	there, err := exists(old)
	if err != nil {
		return err
	}
	if there || within(old, target) {
		return fmt.Errorf("%w: %s is taken, and %s gets that name when it was moved", ErrTarget, old, x.data)
	}
	return nil
}

// retire takes the source out of service, then removes the files that the target
// has. What else is there stays.
func (x *export) retire() error {
	old := x.data + exportedSuffix
	if err := os.Rename(x.data, old); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(old)); err != nil {
		return err
	}
	for _, at := range x.taken {
		if err := at.remove(filepath.Join(old, dataLogs, at.to)); err != nil {
			return err
		}
	}
	return nil
}
