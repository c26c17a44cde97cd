/** The values of a cell that holds several, apart by semicolons. */
export function severalOf(cell: string): string[] {
  return cell
    .split(';')
    .map((value) => value.trim())
    .filter((value) => value !== '');
}
