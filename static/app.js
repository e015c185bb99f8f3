/* The portal's own script. Every screen works without it: menus and the drawer are native popovers,
   dialogs are links to real pages, forms post. No inline code, no eval, nothing but text is inserted. */
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const toasts = $('#toasts');
  const words = toasts?.dataset ?? {};

  // Toasts: from HX-Trigger {"toast": {kind, title, text}}, from flashed messages, from failed requests.
  function toast({ kind = 'news', title = '', text = '' }) {
    const box = document.createElement('div');
    box.className = `toast toast--${kind}`;
    if (kind === 'blocked') box.setAttribute('role', 'alert');
    const body = box.appendChild(document.createElement('div'));
    body.appendChild(document.createElement('b')).textContent = title;
    body.append(text);
    const close = box.appendChild(document.createElement('button'));
    close.type = 'button';
    close.textContent = '×';
    close.setAttribute('aria-label', words.close);
    close.onclick = () => box.remove();
    // Above an open dialog only what lies in it can be seen, read aloud or closed.
    ($$('dialog:modal').pop() ?? toasts).append(box);
    if (kind !== 'blocked') setTimeout(() => box.matches(':hover, :focus-within') || box.remove(), 10000);
  }
  addEventListener('toast', (event) => toast(event.detail ?? {}));
  addEventListener('htmx:response:error', ({ detail: { ctx } }) => {
    const { status } = ctx.response;
    if ([409, 422].includes(status) || ctx.hx?.redirect || /toast/.test(ctx.hx?.trigger ?? '')) return; // the answer itself tells
    toast({ kind: 'blocked', title: words.failed.replace('{status}', status), text: words[`on${status}`] ?? words.failedText });
  });
  addEventListener('htmx:error', ({ detail }) => detail.ctx && toast({ kind: 'blocked', title: words.offline, text: words.offlineText }));

  // Dialogs: data-dialog="id" opens that dialog, an empty data-dialog fetches the link's page and shows its decision.
  async function openDialog(link) {
    let dialog = link.dataset.dialog && document.getElementById(link.dataset.dialog);
    link.closest('[popover]')?.hidePopover(); // gives the focus back to the menu's button first
    if (!dialog) {
      (dialog = $('#remote-dialog')).replaceChildren();
      await htmx.ajax('GET', link.href, { target: dialog, swap: 'innerHTML', select: '.decision' });
      if (!$('.decision', dialog)) return location.assign(link.href); // refused, or not a decision: show what it is
      dialog.setAttribute('aria-label', $('.decision-title', dialog).textContent);
    }
    dialog.showModal();
  }
  addEventListener('dialog-close', () => $$('dialog[open]').forEach((dialog) => dialog.close()));

  function setTheme() {
    const root = document.documentElement;
    const now = root.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    root.dataset.theme = now === 'dark' ? 'light' : 'dark';
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${location.protocol === 'https:' ? '; secure' : ''}`;
  }
  async function copy(text) {
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    toast({ kind: done ? 'done' : 'risk', title: done ? words.copied : words.notCopied, text });
  }
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    let hit;
    const on = (selector) => event.target.closest?.(selector);
    if ((hit = on('[data-dialog]'))) { event.preventDefault(); openDialog(hit); }
    else if ((hit = on('dialog [data-close]'))) { event.preventDefault(); hit.closest('dialog').close(); }
    else if (event.target.matches?.('dialog')) { // the backdrop: only when nothing was typed
      const typed = $$('input:not([type=hidden]), textarea', event.target).some((field) => field.value !== field.defaultValue);
      if (!typed) event.target.close();
    } else if (on('[data-theme-toggle]')) setTheme();
    else if ((hit = on('[data-copy]'))) copy(hit.dataset.copy);
    else if (on('[data-print]')) print();
  });

  // Menus: arrow keys; place them by hand only where the browser has no anchor positioning.
  addEventListener('toggle', ({ target: menu, newState }) => {
    if (newState !== 'open' || !menu.matches?.('.menu')) return;
    if (!CSS.supports('position-area: block-end')) {
      const button = $(`[popovertarget="${CSS.escape(menu.id)}"]`).getBoundingClientRect();
      const below = button.bottom + 4 + menu.offsetHeight < innerHeight;
      const left = menu.matches('.from-start') ? button.left : button.right - menu.offsetWidth;
      menu.style.setProperty('left', `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`);
      menu.style.setProperty('top', `${below ? button.bottom + 4 : button.top - menu.offsetHeight - 4}px`);
    }
    $('a, button', menu)?.focus();
  }, true);
  addEventListener('keydown', (event) => {
    const button = event.key === 'ArrowDown' && event.target.closest?.('[popovertarget]');
    if (button && $(`.menu#${CSS.escape(button.getAttribute('popovertarget'))}`)) { event.preventDefault(); button.click(); }
    const lines = $$('a, button', event.target.closest?.('.menu') ?? document.createElement('i'));
    const at = lines.indexOf(event.target);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + lines.length, Home: 0, End: -1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    lines.at(next % lines.length).focus();
  });

  // Sending: one submit at a time, for plain and htmx forms; Back brings the buttons back.
  function busy(form, on) {
    form.toggleAttribute('data-busy', on);
    $$(`button:not([type=button])${on ? ':enabled' : '[data-held]'}`, form).forEach((button) => {
      button.toggleAttribute('data-held', button.disabled = on);
    });
  }
  addEventListener('submit', (event) => {
    if (event.defaultPrevented || event.target.method !== 'post') return; // htmx's own, a search, an in-page dialog
    if (event.target.hasAttribute('data-busy')) event.preventDefault();
    else setTimeout(() => busy(event.target, true)); // later: a disabled button would not be sent
  });
  addEventListener('htmx:before:request', ({ target }) => target.matches?.('form') && busy(target, true));
  addEventListener('htmx:finally:request', ({ target }) => target.matches?.('form') && busy(target, false));
  addEventListener('pageshow', () => $$('[data-busy]').forEach((form) => busy(form, false)));

  addEventListener('input', ({ target }) => {
    const out = target.dataset?.count && document.getElementById(target.dataset.count);
    if (out) out.textContent = out.dataset.words.replace('{n}', target.value.length);
  });

  // What needs saying first: the list of errors after a refused form, then flashed messages.
  const focusOnce = () => { const first = $('[data-focus]'); first?.removeAttribute('data-focus'); first?.focus(); }; // not again while typing
  addEventListener('htmx:after:swap', focusOnce), focusOnce();
  $$('.flash').forEach((flash) => { toast({ kind: flash.dataset.kind, title: flash.textContent.trim() }); flash.remove(); });
})();
