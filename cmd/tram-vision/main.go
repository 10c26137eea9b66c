// Command tram-vision is the camera worker that tram starts: the only program of
// Tram that links OpenCV. It speaks with tram over the socket that it inherits
// as file 3 and is of no use alone.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"tram/vision/confine"
	"tram/vision/confine/apply"
	"tram/vision/cv"
)

func main() { os.Exit(run()) }

func run() int {
	file := os.NewFile(3, "tram")
	conn, err := net.FileConn(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "tram-vision: started by hand; tram starts it when it needs it")
		return 2
	}
	_ = file.Close()
	plan, err := confine.Parse(os.Getenv("TRAM_CONFINE"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "tram-vision:", err)
		return 2
	}
	layers := apply.All(plan)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := cv.Serve(ctx, conn, cv.Options{Models: os.Getenv("TRAM_MODELS"), Confined: layers}); err != nil {
		fmt.Fprintln(os.Stderr, "tram-vision:", err)
		return 1
	}
	return 0
}
