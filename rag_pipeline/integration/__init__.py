"""What a LangChain app takes: retriever, tool, vector store, answer chain."""
