package signin_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/agent/signin"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestAPersonSignsInWithTheirPINAlone(t *testing.T) {
	dir := t.TempDir()
	people := signin.OpenPeople(dir)
	if _, err := people.SignIn("lan", "804912", noon); !errors.Is(err, signin.ErrNoPeople) {
		t.Errorf("before any PIN: got %v, want ErrNoPeople", err)
	}
	if err := people.Set("lan", signin.Clerk, "804912", noon); err != nil {
		t.Fatal(err)
	}
	other := signin.OpenPeople(dir) // as the daemon beside the command line
	in, err := other.SignIn("lan", "804912", noon)
	if err != nil || in.Name != "lan" || in.Role != signin.Clerk || !other.Current(in) {
		t.Errorf("right PIN: got %+v, %v", in, err)
	}
	for _, c := range [][2]string{{"lan", "804913"}, {"lan", ""}, {"minh", "804912"}, {"", ""}} {
		if _, err := other.SignIn(c[0], c[1], noon); !errors.Is(err, signin.ErrWrong) {
			t.Errorf("SignIn(%q, …): got %v, want ErrWrong", c[0], err)
		}
	}
	for _, file := range []string{"people.json", "tries.json"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || strings.Contains(string(data), "804912") {
			t.Errorf("%s: %v, holds the PIN: %v", file, err, strings.Contains(string(data), "804912"))
		}
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", file, info.Mode(), err)
		}
	}
	if err := people.Set("lan", signin.Clerk, "804912", noon); err != nil || other.Current(in) {
		t.Errorf("after another PIN: %v, still current %v", err, other.Current(in))
	}
	if in, err = other.SignIn("lan", "804912", noon); err != nil || !other.Current(in) {
		t.Errorf("with it: got %+v, %v", in, err)
	}
	if err := people.Remove("lan"); err != nil || other.Current(in) {
		t.Errorf("after rm: %v, still current %v", err, other.Current(in))
	}
}

func TestWrongPINsLockAndARestartDoesNotUnlock(t *testing.T) {
	dir := t.TempDir()
	if err := signin.OpenPeople(dir).Set("lan", signin.Clerk, "804912", noon); err != nil {
		t.Fatal(err)
	}
	var locked *signin.LockedError
	for i := range 5 {
		_, err := signin.OpenPeople(dir).SignIn("lan", "111222", noon)
		if !errors.Is(err, signin.ErrWrong) || errors.As(err, &locked) != (i == 4) {
			t.Fatalf("wrong PIN %d: got %v, want ErrWrong, and the fifth says that it locks", i+1, err)
		}
	}
	if locked.Left != time.Minute {
		t.Errorf("the fifth wrong one locks for %s, want a minute", locked.Left)
	}
	if _, err := signin.OpenPeople(dir).SignIn("lan", "804912", noon.Add(time.Second)); !errors.As(err, &locked) || locked.Left != 59*time.Second {
		t.Errorf("right PIN while locked: got %v, want 59 s left", err)
	}
	if _, err := signin.OpenPeople(dir).SignIn("lan", "804912", noon.Add(-99*time.Hour)); !errors.As(err, &locked) || locked.Left > time.Hour {
		t.Errorf("with the clock set back: got %v, want at most an hour", err)
	}
	if _, err := signin.OpenPeople(dir).SignIn("lan", "111222", noon.Add(2*time.Minute)); !errors.Is(err, signin.ErrWrong) {
		t.Errorf("after the lock: got %v, want ErrWrong", err)
	}
	if _, err := signin.OpenPeople(dir).SignIn("lan", "804912", noon.Add(3*time.Minute)); !errors.As(err, &locked) || locked.Left != time.Minute {
		t.Errorf("the second lock: got %v, want a minute of its two left", err)
	}
	if _, err := signin.OpenPeople(dir).SignIn("lan", "804912", noon.Add(time.Hour)); err != nil {
		t.Errorf("later: got %v, want in", err)
	}
	if _, err := signin.OpenPeople(dir).SignIn("lan", "111222", noon.Add(time.Hour)); !errors.Is(err, signin.ErrWrong) {
		t.Errorf("after a right PIN the count starts again: got %v, want ErrWrong", err)
	}
}

func TestPINsThatAnybodyWouldTryAreRefused(t *testing.T) {
	people := signin.OpenPeople(t.TempDir())
	for _, pin := range []string{"", "12345", "123456", "987654", "000000", "abcdef", strings.Repeat("x1", 40)} {
		if err := people.Set("lan", signin.Clerk, pin, noon); !errors.Is(err, signin.ErrPIN) {
			t.Errorf("PIN of %d characters: got %v, want ErrPIN", len(pin), err)
		}
	}
	if err := people.Set("Lan Anh", signin.Clerk, "804912", noon); !errors.Is(err, signin.ErrName) {
		t.Errorf("name with a space: got %v, want ErrName", err)
	}
	if err := people.Set("lan", "boss", "804912", noon); !errors.Is(err, signin.ErrRole) {
		t.Errorf("unknown role: got %v, want ErrRole", err)
	}
}

func TestATokenIsShownOnceAndKeptAsAHash(t *testing.T) {
	dir := t.TempDir()
	tokens := signin.OpenTokens(dir)
	token, err := tokens.New(signin.Client{Name: "his", Scopes: []string{signin.VisitRead}, Origins: []string{"https://his.example"}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	daemon := signin.OpenTokens(dir)
	c, err := daemon.Find(token)
	if err != nil || c.Name != "his" || !c.May(signin.VisitRead) || c.May(signin.VisitWrite) {
		t.Errorf("Find: got %+v, %v", c, err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "tokens.json")); err != nil || strings.Contains(string(data), token) {
		t.Errorf("the file: %v, or it holds the token", err)
	}
	for _, wrong := range []string{"", "tram_", token + "x", token[:len(token)-1], strings.Repeat("x", 1000)} {
		if _, err := daemon.Find(wrong); !errors.Is(err, signin.ErrToken) {
			t.Errorf("Find of a wrong token: got %v, want ErrToken", err)
		}
	}
	if _, err := tokens.New(signin.Client{Name: "his", Scopes: []string{signin.VisitRead}}, noon); !errors.Is(err, signin.ErrTaken) {
		t.Errorf("second of that name: got %v, want ErrTaken", err)
	}
	for _, o := range []string{"*", "his.example", "https://his.example/", "https://HIS.example", "null", "https://a@his.example"} {
		if _, err := tokens.New(signin.Client{Name: "x", Scopes: []string{signin.VisitRead}, Origins: []string{o}}, noon); !errors.Is(err, signin.ErrOrigin) {
			t.Errorf("origin %q: got %v, want ErrOrigin", o, err)
		}
	}
	if _, err := tokens.New(signin.Client{Name: "x", Scopes: []string{"all"}}, noon); !errors.Is(err, signin.ErrScope) {
		t.Errorf("unknown scope: got %v, want ErrScope", err)
	}
	if err := tokens.Remove("his"); err != nil {
		t.Fatal(err)
	}
	if _, err := daemon.Find(token); !errors.Is(err, signin.ErrToken) {
		t.Errorf("after rm: got %v, want ErrToken", err)
	}
	if err := tokens.Remove("his"); !errors.Is(err, signin.ErrUnknown) {
		t.Errorf("rm twice: got %v, want ErrUnknown", err)
	}
}

func TestADamagedFileLetsNobodyIn(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"people.json", "tokens.json"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte("[{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if role, err := signin.OpenPeople(dir).SignIn("lan", "804912", noon); err == nil {
		t.Errorf("SignIn: got %q, want an error", role)
	}
	if c, err := signin.OpenTokens(dir).Find("tram_x"); err == nil {
		t.Errorf("Find: got %v, want an error", c)
	}
}
