// A clerk's word on the citizen's screen: name and PIN, for the one step that
// wants them. The sign-in ends with the visit.
import { h, setText } from './dom.js';
import { signKeys } from './keyboard.js';
import { send } from './link.js';
import { lock } from './lock.js';
import { button } from './parts.js';
import { t } from './text.js';

// clerk asks for a sign-in and calls then() after it.
export function clerk(then) {
  document.querySelector('dialog.pin')?.remove();
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const name = h('input', { class: 'answer', type: 'text', inputmode: 'none', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: 64, 'data-key': 'name' });
  const pin = h('input', { class: 'answer', type: 'password', inputmode: 'none', autocomplete: 'off', maxlength: 32, 'data-key': 'pin' });
  const go = h('button', { type: 'submit', class: 'button primary', 'data-key': 'signin' }, t('staff.signin'));
  const locked = lock(name, go, problem);
  const box = h('dialog', { class: 'pin panel', 'aria-label': t('pin.title'), onclose: () => box.remove() },
    h('form', {
      class: 'sign',
      onsubmit: async (event) => {
        event.preventDefault();
        const empty = [name, pin].find((field) => !field.value.trim());
        if (empty) { empty.focus(); return; }
        go.disabled = true;
        const said = await send('/v1/signin', { name: name.value.trim(), pin: pin.value });
        pin.value = '';
        go.disabled = false;
        if (said.ok) {
          box.close();
          then();
          return;
        }
        setText(problem, t(`staff.error.${said.code}`, undefined, t('error.action')));
        problem.hidden = false;
        locked.start(['wrong_pin', 'locked'].includes(said.code) ? said.wait : 0);
      },
    }, h('h2', {}, t('pin.title')), problem, h('label', {}, t('staff.name'), name), h('label', {}, t('staff.pin'), pin), signKeys(name, pin),
    h('div', { class: 'actions actions-2' }, button('quiet', t('ask.back'), () => box.close(), 'pin-no'), go)));
  document.body.append(box);
  box.showModal();
  name.focus();
}
