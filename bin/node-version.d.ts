export declare function nodeProblem(version: string, program: string): string | undefined
