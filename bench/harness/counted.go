package harness

import "fmt"

// Counted is "1 log" or "6 logs", for titles of rows.
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
