package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"tram/agent/keep"
	"tram/agent/kiosk"
	"tram/agent/notices"
	"tram/vision"
	"tram/vision/qr/draw"
)

// picturesDir is where the notices' pictures lie, below keptDir.
const picturesDir = "pictures"

// makeBoard makes what shows the hub's notices.
func (a *Agent) makeBoard(box keep.Box) {
	a.board = notices.New(notices.Options{
		Lists: a.lists, Clean: a.cleanPicture, Dir: filepath.Join(a.config.StateDir(), keptDir, picturesDir), Box: box,
		Clock: a.deviceClock, Changed: a.changes.signal, Log: a.log,
	})
}

// deviceClock is the time, never earlier than one that a hub vouched for, and
// whether the system's clock agrees with that.
func (a *Agent) deviceClock() (time.Time, bool) {
	return a.identity.clock.Now(), !a.identity.clock.Behind()
}

// cleanPicture has a worker of its own, which ends when the picture is made: one
// comes with a new list only.
func (a *Agent) cleanPicture(ctx context.Context, picture []byte) (jpeg []byte, bad bool, err error) {
	w := a.newWorker()
	defer w.Close()
	jpeg, err = w.Portrait(ctx, picture)
	return jpeg, errors.Is(err, vision.ErrNotPicture) || errors.Is(err, vision.ErrQuestion), err
}

var (
	_ kiosk.Announcing = station{}
	_ kiosk.Ticketing  = station{}
)

func (s station) NoticePicture(id string) ([]byte, bool) { return s.a.board.Picture(id) }
func (s station) NoticeCode(id string) ([]byte, bool)    { return s.a.board.Code(id) }

// TicketCode is the QR code of the visit's ticket, an SVG.
func (s station) TicketCode(visitID string) ([]byte, bool) {
	v := s.a.engine.View()
	if v == nil || v.ID != visitID || v.Ticket == nil {
		return nil, false
	}
	c, err := draw.New(s.a.ticketCode(v.Ticket.Text, v.Ticket.At))
	if err != nil {
		s.a.log.Error("code of a ticket not drawn", "visit", visitID, "err", err)
		return nil, false
	}
	return c.SVG(), true
}

// ticketCode is what the code of a ticket says: its number, its day and minute, and
// the desk. Nothing of the person is in it.
func (a *Agent) ticketCode(number string, at time.Time) string {
	return fmt.Sprintf("%s %s %s/%s", number, ticketTime(at), a.config.Device.Site, a.config.Device.Name)
}
