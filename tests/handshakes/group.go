// Shakes hands as Go's crypto/tls does by itself and prints the group: group HOST:PORT SERVER-NAME.
package main

import (
	"crypto/tls"
	"fmt"
	"os"
)

func main() {
	connection, err := tls.Dial("tcp", os.Args[1], &tls.Config{ServerName: os.Args[2], InsecureSkipVerify: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	state := connection.ConnectionState()
	fmt.Println(tls.VersionName(state.Version), state.CurveID)
}
