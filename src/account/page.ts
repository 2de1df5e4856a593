/** The page on which people change their passwords, in Italian. It has no scripts, styles, cookies or pictures. */
import type { PasswordChangeOutcome } from './password-change.js'

export interface Page {
  readonly status: number
  readonly html: string
}

type Note = PasswordChangeOutcome | 'unavailable' | 'unreadable'

/** Status of the answer, and what it says. */
const NOTES: Readonly<Record<Note, readonly [status: number, text: string]>> = {
  changed: [200, 'La password è stata cambiata: da ora la casella si apre con quella nuova.'],
  wrong: [
    403,
    "L'indirizzo o la password attuale non sono giusti, o la password temporanea è scaduta: in tal caso chiederne un'altra.",
  ],
  'too-many': [429, 'Troppi tentativi: riprovare tra un quarto d’ora.'],
  different: [400, 'Le due password nuove non sono uguali.'],
  same: [400, 'La password nuova deve essere diversa da quella attuale.'],
  short: [400, 'La password nuova è troppo corta.'],
  long: [400, 'La password nuova è troppo lunga.'],
  unprintable: [400, 'La password nuova contiene caratteri che non si possono scrivere.'],
  known: [400, "La password nuova non può essere l'indirizzo."],
  unavailable: [503, 'Il servizio non è disponibile in questo momento: riprovare più tardi.'],
  unreadable: [400, 'La richiesta non è leggibile.'],
}

export interface PageFacts {
  /** Our name. */
  readonly provider: string
  /** Least characters of a password. */
  readonly length: number
}

/** The form; with a note, what came of it, and the address that was given filled in. */
export function passwordPage({ provider, length }: PageFacts, note?: Note, login = ''): Page {
  const [status, text] = note === undefined ? [200, ''] : NOTES[note]
  const field = (name: string, label: string, complete: string): string =>
    `<p><label>${label}<br><input type="password" name="${name}" autocomplete="${complete}" maxlength="256" required></label></p>`
  const form = [
    '<form method="post" action="/" accept-charset="utf-8">',
    '<p><label>Indirizzo della casella (per gli operatori: indirizzo*nome)<br>',
    `<input type="text" name="login" value="${escaped(login)}" autocomplete="username" maxlength="400" required></label></p>`,
    field('old', 'Password attuale, o temporanea', 'current-password'),
    field('chosen', `Password nuova (almeno ${length} caratteri)`, 'new-password'),
    field('again', 'Password nuova, di nuovo', 'new-password'),
    '<p><button>Cambia la password</button></p>',
    '</form>',
  ]
  const html = [
    '<!DOCTYPE html>',
    `<html lang="it"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(provider)}</title></head>`,
    `<body><h1>${escaped(provider)}</h1><h2>Cambio della password</h2>`,
    ...(text === '' ? [] : [`<p role="alert"><strong>${text}</strong></p>`]),
    ...(note === 'changed' ? [] : form),
    '</body></html>',
  ].join('\n')
  return { status, html }
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
