package broker

import (
	"context"
	"fmt"
	"os"
)

// Fresh prepares the launch of a broker on a directory, a temporary one if dir
// is empty, and on a free port: Moldau, built from this tree, or the real Kafka.
// clean removes a temporary directory if all went well, and says where it is
// otherwise.
func Fresh(ctx context.Context, name, dir, durability string, kafka bool) (l Launch, clean func(well bool), err error) {
	l = Launch{Dir: dir, Durability: durability}
	clean = func(bool) {}
	if !kafka {
		if l.Binary, err = Build(ctx); err != nil {
			return l, clean, err
		}
	}
	if l.Port, err = FreePort(); err != nil || dir != "" {
		return l, clean, err
	}
	if l.Dir, err = os.MkdirTemp("", name+"-"); err != nil {
		return l, clean, err
	}
	return l, func(well bool) {
		if well {
			os.RemoveAll(l.Dir)
		} else {
			fmt.Println("data kept in", l.Dir)
		}
	}, nil
}
