package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"tram/agent/kiosk"
	"tram/configs"
)

// The kinds of bridges.
const (
	HN212Socket  = "hn212-socket"
	HN212Webhook = "hn212-webhook"
	CardResult   = "card-result"
	RARRest      = "rar-rest"
)

// Kinds are all of them.
var Kinds = []string{HN212Socket, HN212Webhook, CardResult, RARRest}

// Options say what one bridge speaks, and where.
type Options struct {
	Kind   string   // one of Kinds
	Listen string   // loopback address, for all but the webhook
	Hosts  []string // further Host values under which programs ask, with their port
	URL    string   // of the hospital's server, for the webhook
	Client string   // the program whose visits the webhook tells
	Secret []byte   // signs what the webhook sends; nil for none

	Device  string   // the station's name
	Version string   // of the program
	Compare Comparer // compares two pictures; nil: cannot be done here
	Log     *slog.Logger
}

// A Comparer compares the faces on two pictures, JPEG or PNG. Score is from 0 to
// 100, and above 60 the two are the same person.
type Comparer func(ctx context.Context, card, person []byte) (score float64, err error)

// Door returns the way in that the options describe. Its error names what is
// wrong with them.
func Door(opt Options) (kiosk.Door, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	d := kiosk.Door{Name: opt.Kind, Addr: opt.Listen, Hosts: opt.Hosts}
	switch opt.Kind {
	case HN212Socket:
		d.Handler = func(ctx context.Context, s *kiosk.Server) http.Handler { return newSocketIO(ctx, s, opt) }
	case CardResult:
		d.Handler = func(ctx context.Context, s *kiosk.Server) http.Handler { return newCardResult(ctx, s, opt) }
	case RARRest:
		d.Handler = func(ctx context.Context, s *kiosk.Server) http.Handler { return newRAR(ctx, s, opt) }
	case HN212Webhook:
		if err := configs.CheckBridgeURL(opt.URL); err != nil {
			return kiosk.Door{}, err
		}
		h := &webhook{opt: opt}
		d.Addr, d.Run = "", h.run
		return d, nil
	default:
		return kiosk.Door{}, fmt.Errorf("%q is not a bridge", opt.Kind)
	}
	if opt.Listen == "" {
		return kiosk.Door{}, fmt.Errorf("the bridge %s has no address to listen on", opt.Kind)
	}
	return d, nil
}
