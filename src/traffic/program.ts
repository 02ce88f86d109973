export interface Program {
  start(): void;
  stop(): void;
}
