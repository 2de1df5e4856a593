/** What the access point's formal checks can find, and how the sender is told. RFC 6109 §3.1.1, §3.1.2 */

export type FormalException =
  | { readonly kind: 'no-header-end' }
  | { readonly kind: 'not-a-field' }
  | { readonly kind: 'bare-line-end' }
  | { readonly kind: 'duplicate-header'; readonly name: string }
  | { readonly kind: 'from-missing' }
  | { readonly kind: 'from-invalid' }
  | { readonly kind: 'to-missing' }
  | { readonly kind: 'address-invalid'; readonly name: string }
  | { readonly kind: 'sender-differs'; readonly from: string; readonly reversePath: string }
  | { readonly kind: 'recipient-not-in-header'; readonly address: string }
  | { readonly kind: 'recipient-not-in-envelope'; readonly address: string }
  | { readonly kind: 'bcc-present' }
  | { readonly kind: 'too-many-recipients'; readonly count: number; readonly limit: number }
  | { readonly kind: 'too-large'; readonly bytes: number; readonly limit: number }

/** The reason, in Italian, as it stands in the notice's text and in errore-esteso. */
export function describeFormalException(exception: FormalException): string {
  switch (exception.kind) {
    case 'no-header-end':
      return "manca la riga vuota che separa l'intestazione dal corpo del messaggio"
    case 'not-a-field':
      return "l'intestazione contiene una riga che non è un campo"
    case 'bare-line-end':
      return 'il messaggio contiene caratteri CR o LF isolati, che non terminano una riga'
    case 'duplicate-header':
      return `il campo ${exception.name} è presente più di una volta`
    case 'from-missing':
      return 'il campo From non è presente'
    case 'from-invalid':
      return 'il campo From non contiene un solo indirizzo valido'
    case 'to-missing':
      return 'il campo To non è presente o non contiene alcun indirizzo valido'
    case 'address-invalid':
      return `il campo ${exception.name} contiene un indirizzo non valido`
    case 'sender-differs':
      return `il mittente indicato nel campo From (${exception.from}) non coincide con quello della trasmissione (${exception.reversePath})`
    case 'recipient-not-in-header':
      return `il destinatario ${exception.address} non è presente nei campi To e Cc`
    case 'recipient-not-in-envelope':
      return `l'indirizzo ${exception.address} dei campi To e Cc non è tra i destinatari della trasmissione`
    case 'bcc-present':
      return 'il campo Bcc (copia nascosta) non è ammesso'
    case 'too-many-recipients':
      return `il messaggio ha ${exception.count} destinatari e il massimo è ${exception.limit}`
    case 'too-large':
      return `la dimensione del messaggio moltiplicata per i destinatari (${megabytes(exception.bytes)} MB) supera il massimo di ${megabytes(exception.limit)} MB`
  }
}

/** Users are told megabytes of 1,000,000 bytes. */
function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1).replace('.', ',')
}
