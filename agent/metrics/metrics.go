// Package metrics tells a monitoring system what a device does, in the text
// format of Prometheus. Labels are kinds, results and priorities: never a visit,
// a sequence or anything of a person.
package metrics

import (
	"bytes"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
)

// Values is what a device counts at one moment.
type Values struct {
	Accepted, Sent, Delivered, Discarded uint64
	Waiting                              map[string]uint64 // by priority
	QueueUsed, QueueLimit, QueueFile     int64             // bytes
	HubConnected                         bool
	Devices                              map[string]bool // by kind: whether it works
	WorkerRestarts                       int
	Commands                             map[string]uint64 // by result
	UpSeconds                            float64
}

// A Source gives the values when somebody asks.
type Source interface{ Values() Values }

// Metrics is a registry of its own: nothing registers itself elsewhere.
type Metrics struct {
	source   Source
	registry *prometheus.Registry
	visits   *prometheus.CounterVec
	faults   *prometheus.CounterVec
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tram_"+name, help, labels, nil)
}

var (
	recordsDesc  = desc("records_total", "Records ever accepted, sent, delivered or discarded.", "state")
	waitingDesc  = desc("records_waiting", "Records that wait for the hub, by priority.", "priority")
	usedDesc     = desc("queue_used_bytes", "Bytes of the queue in use.")
	limitDesc    = desc("queue_limit_bytes", "Bytes in use at which records are refused.")
	fileDesc     = desc("queue_file_bytes", "Size of the queue's file.")
	hubDesc      = desc("hub_connected", "1 while broker and hub are there.")
	deviceDesc   = desc("device_up", "1 while a device works, by kind.", "kind")
	restartsDesc = desc("worker_restarts_total", "Camera workers that died or were killed for not answering.")
	commandsDesc = desc("commands_total", "Commands of the hub since the start, by result.", "result")
	upDesc       = desc("up_seconds", "Since the daemon started.")
)

// New makes the metrics of a device.
func New(source Source, version string) *Metrics {
	m := &Metrics{
		source: source, registry: prometheus.NewRegistry(),
		visits: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tram_visits_total", Help: "Visits that ended, by result."}, []string{"result"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tram_device_faults_total", Help: "Times that a device failed or went missing, by kind."}, []string{"kind"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "tram_info", Help: "The program's version.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	m.registry.MustRegister(m, m.visits, m.faults, info)
	return m
}

// Visit counts a visit that ended: "recorded", "left", "forgotten", or the code
// of a failure.
func (m *Metrics) Visit(result string) { m.visits.WithLabelValues(result).Inc() }

// Fault counts that a device failed or went missing.
func (m *Metrics) Fault(kind string) { m.faults.WithLabelValues(kind).Inc() }

// Describe sends nothing: what is there depends on the device.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends the values of this moment.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	v := m.source.Values()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	for state, n := range map[string]uint64{"accepted": v.Accepted, "sent": v.Sent, "delivered": v.Delivered, "discarded": v.Discarded} {
		send(recordsDesc, prometheus.CounterValue, float64(n), state)
	}
	for priority, n := range v.Waiting {
		send(waitingDesc, prometheus.GaugeValue, float64(n), priority)
	}
	send(usedDesc, prometheus.GaugeValue, float64(v.QueueUsed))
	send(limitDesc, prometheus.GaugeValue, float64(v.QueueLimit))
	send(fileDesc, prometheus.GaugeValue, float64(v.QueueFile))
	send(hubDesc, prometheus.GaugeValue, one(v.HubConnected))
	for kind, up := range v.Devices {
		send(deviceDesc, prometheus.GaugeValue, one(up), kind)
	}
	send(restartsDesc, prometheus.CounterValue, float64(v.WorkerRestarts))
	for result, n := range v.Commands {
		send(commandsDesc, prometheus.CounterValue, float64(n), result)
	}
	send(upDesc, prometheus.GaugeValue, v.UpSeconds)
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, DisableCompression: true})
}

// Text is what Handler serves.
func (m *Metrics) Text() []byte {
	families, err := m.registry.Gather()
	if err != nil {
		return []byte("# " + err.Error() + "\n")
	}
	var out bytes.Buffer
	for _, f := range families {
		_, _ = expfmt.MetricFamilyToText(&out, f) // a buffer takes everything
	}
	return out.Bytes()
}
