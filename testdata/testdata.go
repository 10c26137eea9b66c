// Package testdata finds the data that tests share. Large or licensed data
// (photographs, networks, specimen chips) lies outside the project; a test that
// needs it is skipped with a sentence that names the missing folder.
package testdata

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// root is the project's top folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

// Shared returns the path of name below the shared data folder: $TRAM_TESTDATA,
// else ../shared/data beside the project. Without it the test is skipped, and
// says which folder it wanted.
func Shared(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("TRAM_TESTDATA")
	if dir == "" {
		dir = filepath.Join(root(), "..", "shared", "data")
	}
	return need(t, filepath.Join(dir, filepath.FromSlash(name)), "TRAM_TESTDATA")
}

// Model returns the path of a network's file: in $TRAM_MODELS, else in
// ../shared/data/models beside the project. Without it the test is skipped.
func Model(t testing.TB, file string) string {
	t.Helper()
	dir := os.Getenv("TRAM_MODELS")
	if dir == "" {
		dir = filepath.Join(root(), "..", "shared", "data", "models")
	}
	return need(t, filepath.Join(dir, file), "TRAM_MODELS")
}

// Project returns the path of a file of the project itself.
func Project(name string) string {
	return filepath.Join(root(), filepath.FromSlash(name))
}

func need(t testing.TB, path, variable string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs %s, which is not there; set %s to the folder that holds the test data", path, variable)
	}
	return path
}
