package agent

import (
	"context"

	"tram/agent/profile"
	"tram/agent/register"
	"tram/sync/outbox"
	"tram/sync/wire"
)

// reasons is what the profile lets choose from as the reason of a stay. A list that the hub keeps up to date may have
// any; what is asked as a text has none, since it may say something of a person.
func reasons(p profile.Profile) []string {
	q, asked := p.Question(register.AnswerReason)
	if asked && q.Kind == profile.KindCatalogue {
		return nil
	}
	list := []string{}
	for _, o := range q.Options {
		list = append(list, o.ID)
	}
	return list
}

// countStays makes the record of the days that are over and not counted yet. A queue that is full is asked again.
func (a *Agent) countStays(ctx context.Context) error {
	id, count, err := a.register.DueStayCount()
	if err != nil || count == nil {
		return err
	}
	count.Profile = a.profile.Name
	if _, err := (again{recorder{a}}).Accept(ctx, outbox.Draft{ID: id, Type: wire.TypeStaysCounted, Time: count.To, Data: count}); err != nil {
		return err
	}
	return a.register.StayCountDone(id)
}
