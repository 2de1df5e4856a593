/** The pages, in Italian. They have no scripts, styles, cookies or pictures. */

export interface Page {
  readonly status: number
  readonly html: string
}

/** A page with one form, which is sent to the page itself. */
export interface FormPage {
  /** The empty form; with a note, what went wrong. */
  show(note?: 'unavailable' | 'unreadable'): Page
  /** What came of the form. `field` gives '' for what it lacks. Rejects with PecError if it cannot be dealt with now. */
  submit(field: (name: string) => string, ip: string): Promise<Page>
}

/** Notes of every page: status of the answer, and what it says. */
export const COMMON_NOTES = {
  unavailable: [503, 'Il servizio non è disponibile in questo momento: riprovare più tardi.'],
  unreadable: [400, 'La richiesta non è leggibile.'],
  'too-many': [429, 'Troppi tentativi: riprovare tra un quarto d’ora.'],
} as const

export interface Contents {
  readonly status: number
  /** Our name. */
  readonly provider: string
  readonly title: string
  /** Text without markup; '' for none. */
  readonly note: string
  /** Lines of markup. */
  readonly body: readonly string[]
}

export function page({ status, provider, title, note, body }: Contents): Page {
  const html = [
    '<!DOCTYPE html>',
    `<html lang="it"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(provider)}</title></head>`,
    `<body><h1>${escaped(provider)}</h1><h2>${escaped(title)}</h2>`,
    ...(note === '' ? [] : [`<p role="alert"><strong>${escaped(note)}</strong></p>`]),
    ...body,
    '</body></html>',
  ].join('\n')
  return { status, html }
}

export function textField(name: string, label: string, value: string, more: string): string {
  return `<p><label>${escaped(label)}<br><input type="text" name="${name}" value="${escaped(value)}" maxlength="400" ${more}></label></p>`
}

export function passwordField(name: string, label: string, complete: string): string {
  return `<p><label>${escaped(label)}<br><input type="password" name="${name}" autocomplete="${complete}" maxlength="256" required></label></p>`
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
