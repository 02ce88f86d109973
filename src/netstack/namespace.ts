/** Placeholder for the type graph; the namespace is written on the netstack branch. */
export interface Namespace {
  readonly name: string;
}
