package agent

import (
	"context"
	"fmt"
	"os"

	"tram/agent/bridge"
	"tram/agent/kiosk"
	"tram/configs"
)

// doors are the ways in for software that talks to a vendor's reader. A bridge
// that cannot be made is left out and said: the counter works without it.
func (a *Agent) doors() []kiosk.Door {
	var list []kiosk.Door
	for _, b := range a.config.Bridges {
		door, err := a.door(b)
		if err != nil {
			a.log.Error("bridge not opened", "bridge", b.Kind, "err", err)
			continue
		}
		list = append(list, door)
	}
	return list
}

func (a *Agent) door(b configs.Bridge) (kiosk.Door, error) {
	opt := bridge.Options{
		Kind: b.Kind, Listen: b.Listen, Hosts: b.Hosts, URL: b.URL, Client: b.Client,
		Device: a.config.Device.Name, Version: a.opt.Version, Log: a.log,
	}
	if b.Secret != "" {
		secret, err := os.ReadFile(b.Secret)
		if err != nil {
			return kiosk.Door{}, fmt.Errorf("read the secret that signs: %w", err)
		}
		opt.Secret = secret
	}
	if a.worker != nil {
		opt.Compare = a.comparePictures
	}
	return bridge.Door(opt)
}

// comparePictures is a bridge's comparison of two pictures on the scale of its
// protocol: 60 is this device's threshold.
func (a *Agent) comparePictures(ctx context.Context, card, person []byte) (float64, error) {
	answer, err := a.worker.VerifyFaces(ctx, card, person)
	if err != nil {
		return 0, err
	}
	return bridgeScore(answer.Score, answer.Threshold, answer.Match), nil
}

// bridgeScore maps a cosine to 0…100 so that above 60 is a match and nothing else is.
func bridgeScore(cosine, threshold float64, match bool) float64 {
	const limit = 60
	if match {
		return min(100, limit+0.01+(cosine-threshold)/max(1-threshold, 1e-6)*(100-limit-0.01))
	}
	return max(0, min(limit, limit*cosine/max(threshold, 1e-6)))
}
