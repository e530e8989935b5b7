package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Command is the hidden command's name.
const Command = "child"

// Role is what a child does.
type Role struct {
	Name string
	// Stays tells that the child waits to be killed once it has answered.
	Stays bool
	play  func(context.Context, *json.Decoder) (any, error)
}

// NewRole is a role whose tasks are T and whose answers are A.
func NewRole[T, A any](name string, stays bool, do func(context.Context, T) (A, error)) Role {
	return Role{name, stays, func(ctx context.Context, d *json.Decoder) (any, error) {
		var task T
		if err := d.Decode(&task); err != nil {
			return nil, err
		}
		return do(ctx, task)
	}}
}

// Serve is the child's process, but for its end. It returns when a role that stays
// is no longer wanted.
func Serve(ctx context.Context, roles []Role, name string, in io.Reader, out io.Writer) error {
	for _, r := range roles {
		if r.Name != name {
			continue
		}
		answer, err := r.play(ctx, json.NewDecoder(in))
		if err == nil {
			err = json.NewEncoder(out).Encode(answer)
		}
		if err == nil && r.Stays {
			<-ctx.Done()
		}
		return err
	}
	return fmt.Errorf("no role %q", name)
}

// Ask has a child play a role, under the command before it, and returns its answer.
// A child that stays is killed with SIGKILL.
func Ask[A any](ctx context.Context, r Role, task any, under ...string) (answer A, err error) {
	self, err := os.Executable()
	if err != nil {
		return answer, err
	}
	spec, err := json.Marshal(task)
	if err != nil {
		return answer, err
	}
	argv := append(under[:len(under):len(under)], self, Command, r.Name)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(spec)), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return answer, err
	}
	if err := cmd.Start(); err != nil {
		return answer, err
	}
	err = json.NewDecoder(out).Decode(&answer)
	if r.Stays {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	} else {
		err = errors.Join(err, cmd.Wait())
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", r.Name, err)
	}
	return answer, err
}
