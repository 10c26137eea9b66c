package agent

import (
	"context"

	"tram/agent/visit"
	"tram/drivers/printer"
	"tram/vision/qr/draw"
)

// makePrinter makes the printer, where the configuration names one.
func (a *Agent) makePrinter() {
	c := a.config.Printer
	if c.Path == "" {
		return
	}
	p, err := printer.New(c.Path, printer.Options{Baud: c.Baud, Width: c.Width, Font: c.Font, NoCut: !c.Cut, Log: a.log})
	if err != nil { // the configuration was checked
		a.log.Error("no printer", "err", err)
		return
	}
	a.printer = p
}

// printTickets prints the ticket or slip of each visit that gave one. The ticket is
// on the screen too, so that a printer without paper stops nobody; a paper that did
// not come out is not printed again, for the number may have been called by then.
func (a *Agent) printTickets(ctx context.Context) error {
	changed, stop := a.changes.watch()
	defer stop()
	last := "" // the visit whose ticket was printed
	for {
		if v := a.engine.View(); v != nil && v.ID != last && (v.Ticket != nil || v.Stage == visit.StageRecorded && a.givesSlips()) {
			last = v.ID
			if err := a.printPaper(ctx, v); err != nil {
				a.log.Error("the ticket is not printed", "visit", v.ID, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

func (a *Agent) printPaper(ctx context.Context, v *visit.View) error {
	if v.Ticket != nil {
		return a.printer.Print(ctx, a.paper(*v.Ticket))
	}
	paper, err := a.slipPaper(ctx, v.ID)
	if err != nil {
		return err
	}
	return a.printer.Print(ctx, paper)
}

// paper is a ticket as it is printed. Nothing of the person is on it.
func (a *Agent) paper(t visit.Ticket) printer.Paper {
	lines := []string{clockTime(t.At)}
	if site := a.config.Device.Site; site != "" {
		lines = append(lines, site+" / "+a.config.Device.Name)
	}
	p := printer.Paper{Title: a.profile.Title["vi"], Number: t.Text, Lines: lines}
	code, err := draw.New(a.ticketCode(t.Text, t.At))
	if err != nil {
		a.log.Error("the ticket is printed without its code", "err", err)
		return p
	}
	p.Code = code
	return p
}
