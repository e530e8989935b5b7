package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"moldau/server"
)

func newConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Explain and list a broker's properties, without a broker",
		Example: `  moldau config explain server.properties
  moldau config list`,
		RunE: requireSubcommand,
	}
	c.AddCommand(newConfigExplainCommand(), newConfigListCommand())
	return c
}

type explainedProperty struct {
	Name    string `json:"name"`
	Line    int    `json:"line"`
	Status  string `json:"status"`
	Dynamic bool   `json:"dynamic"`
	Text    string `json:"text"`
}

func newConfigExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain FILE",
		Short: "Tell what 'serve --config FILE' makes of each property",
		Long: `Tell what 'serve --config FILE' makes of each property of a file, such as
Apache Kafka's server.properties:

  honoured     it means what it means in Apache Kafka
  translated   Moldau does it in its own way, which is told
  ignored      it has no effect, and why
  invalid      a broker does not start with this value

Dynamic properties can be changed while the broker runs. Values without
effect are not shown, for a file may hold secrets.

Exit codes: 0 a broker would start with it, 1 a value is invalid, 2 the file
cannot be read: it is missing, has a bad escape, or a name twice.`,
		Example: `  moldau config explain config/server.properties
  moldau config explain server.properties --format json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return explainConfig(args[0], outputOf(c))
		},
	}
}

func explainConfig(path string, o output) error {
	all, err := readProperties(path)
	if err != nil {
		return err
	}
	values, lines := map[string]string{}, map[string]int{}
	for _, p := range all {
		values[p.name], lines[p.name] = p.value, p.line
	}
	explained, invalid := []explainedProperty{}, 0
	for _, p := range server.Explain(values) {
		explained = append(explained, explainedProperty{p.Name, lines[p.Name], string(p.Status), p.Dynamic, p.Text})
		if p.Status == server.PropertyInvalid {
			invalid++
		}
	}
	err = o.write(explained, func(w io.Writer) {
		fmt.Fprintln(w, "LINE\tPROPERTY\tSTATUS\tDYNAMIC\tWHAT")
		for _, p := range explained {
			fmt.Fprintf(w, "%d\t%.100s\t%s\t%s\t%s\n", p.Line, p.Name, p.Status, yesNo(p.Dynamic), p.Text)
		}
	})
	if invalid > 0 {
		return errors.Join(err, fmt.Errorf("%d of %d properties are invalid", invalid, len(explained)))
	}
	// What is wrong with several together belongs to none of them.
	return errors.Join(err, server.Config{Properties: values}.Validate())
}

type knownProperty struct {
	Name     string `json:"name"`
	Default  string `json:"default"`
	Dynamic  bool   `json:"dynamic"`
	Variable string `json:"variable"`
	Doc      string `json:"doc"`
}

func newConfigListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the properties that a broker knows",
		Long: `List the properties that a broker knows, with their defaults, and whether they
can be changed while it runs. With --format json the environment variable of
each is told as well: MOLDAU_ and the name in capitals, dots as underscores and
without a leading "moldau.".`,
		Example: `  moldau config list
  moldau config list --format json | jq '.[] | select(.dynamic) | .name'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			list := []knownProperty{}
			for _, p := range server.KnownProperties() {
				list = append(list, knownProperty{p.Name, p.Default, p.Dynamic, variableOf(p.Name), p.Doc})
			}
			return outputOf(c).write(list, func(w io.Writer) {
				fmt.Fprintln(w, "PROPERTY\tDEFAULT\tDYNAMIC\tWHAT")
				for _, p := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, p.Default, yesNo(p.Dynamic), p.Doc)
				}
			})
		},
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
