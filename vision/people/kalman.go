package people

import "math"

// axis is a Kalman filter for one coordinate that moves with a nearly constant
// speed: the state is position and speed, a frame is the unit of time.
type axis struct {
	at, speed  float64
	pp, pv, vv float64 // covariance of position and speed
}

// newAxis starts at z, known to within noise; the speed is anything of the order of speed.
func newAxis(z, noise, speed float64) axis {
	return axis{at: z, pp: noise * noise, vv: speed * speed}
}

// predict moves on by a frame in which the speed may change by about push.
func (a *axis) predict(push float64) {
	a.at += a.speed
	q := push * push
	a.pp += 2*a.pv + a.vv + q/4
	a.pv += a.vv + q/2
	a.vv += q
}

// update takes a measurement z that is right to within noise.
func (a *axis) update(z, noise float64) {
	s := a.pp + noise*noise
	kp, kv := a.pp/s, a.pv/s
	d := z - a.at
	a.at += kp * d
	a.speed += kv * d
	a.vv -= kv * a.pv
	a.pv -= kp * a.pv
	a.pp -= kp * a.pp
}

// slow lets a speed that nothing confirms fade.
func (a *axis) slow(k float64) { a.speed *= k }

// spread is the standard deviation of the position.
func (a *axis) spread() float64 { return math.Sqrt(math.Max(0, a.pp)) }
