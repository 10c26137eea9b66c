package kiosk

import (
	"net/http"
	"net/url"

	"tram/agent/visit"
)

// Announcing is a Station with notices of the hub that have pictures and codes.
type Announcing interface {
	NoticePicture(id string) (jpeg []byte, ok bool)
	NoticeCode(id string) (svg []byte, ok bool)
}

// Ticketing is a Station whose tickets have a code.
type Ticketing interface {
	TicketCode(visitID string) (svg []byte, ok bool)
}

// TicketCodePath is where a page gets the code of a visit's ticket.
func TicketCodePath(visitID string) string {
	return "/v1/ticket/qr?visit=" + url.QueryEscape(visitID)
}

// Media types of pictures.
const (
	typeJPEG = "image/jpeg"
	typeSVG  = "image/svg+xml"
)

// boardAPI serves what is shown beside the texts: the notices' pictures and codes,
// and the code of the ticket.
func (s *Server) boardAPI(mux router) {
	mux.HandleFunc("GET /v1/notices", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string][]visit.Notice{"notices": append([]visit.Notice{}, s.opt.Station.Snapshot().Notices...)})
	})
	if board, ok := s.opt.Station.(Announcing); ok {
		mux.HandleFunc("GET /v1/notices/{id}/picture", ofNotice(typeJPEG, board.NoticePicture))
		mux.HandleFunc("GET /v1/notices/{id}/qr", ofNotice(typeSVG, board.NoticeCode))
	}
	if station, ok := s.opt.Station.(Ticketing); ok {
		mux.HandleFunc("GET /v1/ticket/qr", func(w http.ResponseWriter, r *http.Request) {
			id := r.URL.Query().Get("visit")
			svg, ok := station.TicketCode(id)
			if !ok || !s.mine(callerOf(r.Context()), id) {
				refuse(w, http.StatusNotFound, "not_found", "there is no ticket with a code for that visit")
				return
			}
			send(w, typeSVG, svg)
		})
	}
}

func ofNotice(kind string, get func(id string) ([]byte, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, ok := get(r.PathValue("id"))
		if !ok {
			refuse(w, http.StatusNotFound, "not_found", "no notice of that name is shown with that")
			return
		}
		send(w, kind, data)
	}
}
