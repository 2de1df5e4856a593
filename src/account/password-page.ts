/** The page on which people change their passwords. */
import { COMMON_NOTES, page, passwordField, textField, type FormPage, type Page } from './page.js'
import type { PasswordChangeOutcome, PasswordChanges } from './password-change.js'

type Note = PasswordChangeOutcome | keyof typeof COMMON_NOTES

/** Status of the answer, and what it says. */
const NOTES: Readonly<Record<Note, readonly [status: number, text: string]>> = {
  ...COMMON_NOTES,
  changed: [200, 'La password è stata cambiata: da ora è valida quella nuova.'],
  wrong: [
    403,
    "L'indirizzo o la password attuale non sono giusti, o la password temporanea è scaduta: in tal caso chiederne un'altra.",
  ],
  different: [400, 'Le due password nuove non sono uguali.'],
  same: [400, 'La password nuova deve essere diversa da quella attuale.'],
  short: [400, 'La password nuova è troppo corta.'],
  long: [400, 'La password nuova è troppo lunga.'],
  unprintable: [400, 'La password nuova contiene caratteri che non si possono scrivere.'],
  known: [400, "La password nuova non può essere l'indirizzo."],
}

export interface PasswordPageFacts {
  /** Our name. */
  readonly provider: string
  /** Least characters of a password. */
  readonly length: number
}

export function passwordPage(facts: PasswordPageFacts, changes: Pick<PasswordChanges, 'change'>): FormPage {
  return {
    show: (note) => pageOf(facts, note),
    async submit(field, ip) {
      const login = field('login')
      if (login === '' || login.length > 400) return pageOf(facts, 'unreadable')
      const change = { login, old: field('old'), chosen: field('chosen'), again: field('again') }
      return pageOf(facts, await changes.change(change, ip), login)
    },
  }
}

/** With the address that was given filled in. */
function pageOf({ provider, length }: PasswordPageFacts, note?: Note, login = ''): Page {
  const [status, text] = note === undefined ? ([200, ''] as const) : NOTES[note]
  const label = 'Indirizzo della casella (per gli operatori: indirizzo*nome; per gli amministratori di un dominio: nome@dominio)'
  const form = [
    '<form method="post" action="/" accept-charset="utf-8">',
    textField('login', label, login, 'autocomplete="username" required'),
    passwordField('old', 'Password attuale, o temporanea', 'current-password'),
    passwordField('chosen', `Password nuova (almeno ${length} caratteri)`, 'new-password'),
    passwordField('again', 'Password nuova, di nuovo', 'new-password'),
    '<p><button>Cambia la password</button></p>',
    '</form>',
  ]
  return page({ status, provider, title: 'Cambio della password', note: text, body: note === 'changed' ? [] : form })
}
