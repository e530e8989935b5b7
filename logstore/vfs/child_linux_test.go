package vfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"moldau/logstore/vfs"
)

// childRole, set in the environment, turns the test binary into a process that
// does one thing to the path in childPath, prints a line, and ends with its input.
const (
	childRole = "MOLDAU_VFS_TEST_CHILD"
	childPath = "MOLDAU_VFS_TEST_PATH"
)

func TestMain(m *testing.M) {
	role, path := os.Getenv(childRole), os.Getenv(childPath)
	switch role {
	case "":
		os.Exit(m.Run())
	case "posix lock":
		fmt.Println(posixLock(path))
	case "lock":
		fmt.Println(lockIn(path))
	case "file size limit":
		fmt.Println(writePastLimit(path))
	default:
		fmt.Println("unknown role", role)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// posixLock locks as Java's FileChannel does.
func posixLock(path string) string {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err.Error()
	}
	switch err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err {
	case nil:
		leaked = append(leaked, f)
		return "locked"
	case unix.EAGAIN, unix.EACCES:
		return "refused"
	default:
		return err.Error()
	}
}

// leaked keeps what a child holds to its end.
var leaked []io.Closer

func lockIn(path string) string {
	fsys, err := vfs.OpenOS(filepath.Dir(path))
	if err != nil {
		return err.Error()
	}
	switch l, err := fsys.Lock(filepath.Base(path)); {
	case err == nil:
		leaked = append(leaked, l)
		return "locked"
	case errors.Is(err, vfs.ErrLocked):
		return "refused"
	default:
		return err.Error()
	}
}

const fileSizeLimit = 10_000

// writePastLimit writes 3 buffers of which the limit cuts the last: the kernel
// writes what fits, and fails the next call.
func writePastLimit(path string) string {
	signal.Ignore(syscall.SIGXFSZ)
	fsys, err := vfs.OpenOS(filepath.Dir(path))
	if err != nil {
		return err.Error()
	}
	f, err := fsys.OpenFile(filepath.Base(path), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err.Error()
	}
	limit := unix.Rlimit{Cur: fileSizeLimit, Max: fileSizeLimit}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err.Error()
	}
	b := make([]byte, 4000)
	n, err := f.WritevAt([][]byte{b, b, b, b}, 100)
	return fmt.Sprintln(n, errors.Is(err, unix.EFBIG))
}

// startChild returns the line it printed, and a function that ends it.
func startChild(t *testing.T, role, path string) (line string, end func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	// The race detector would make each child sleep for a second at its end.
	cmd.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err = bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return line[:len(line)-1], func() {
		t.Helper()
		must(t, in.Close())
		must(t, cmd.Wait())
	}
}

func wantChild(t *testing.T, role, path, want string) (end func()) {
	t.Helper()
	line, end := startChild(t, role, path)
	if line != want {
		end()
		t.Fatalf("the child's %s was %q, want %q", role, line, want)
	}
	return end
}

func TestLockAgainstOtherProcesses(t *testing.T) {
	for _, role := range []string{"posix lock", "lock"} {
		t.Run(role, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "l")
			fsys := openOS(t, dir)

			l, err := fsys.Lock("l")
			must(t, err)
			wantChild(t, role, path, "refused")()
			wantTree(t, fsys, "l=") // opens and closes it, which ends a POSIX lock
			wantChild(t, role, path, "refused")()
			must(t, l.Close())

			end := wantChild(t, role, path, "locked")
			_, err = fsys.Lock("l")
			wantErr(t, "Lock", err, vfs.ErrLocked)
			end() // and with it, its lock
			l, err = fsys.Lock("l")
			must(t, err)
			must(t, l.Close())
		})
	}
}

func TestShortWriteOfTheKernelIsContinued(t *testing.T) {
	dir := t.TempDir()
	want := fmt.Sprint(fileSizeLimit-100, true)
	wantChild(t, "file size limit", filepath.Join(dir, "f"), want)()
	if got := len(get(t, openOS(t, dir), "f")); got != fileSizeLimit {
		t.Fatalf("the file has %d bytes", got)
	}
}
